package import Experimentation

/// Answer to `GET /api/v1/rollouts/{name}/labels`: judged pairs that wait for a person's word.
///
/// Blind: nothing in it tells whose an answer is, nor what the judge said.
package struct LabelsResponse: Hashable, Sendable, Codable {
  /// Pairs in one answer, at most; 10 unless `limit` asks for fewer or more.
  package static let maximumPairs = 50

  package var rollout: RolloutName
  /// Of the rollout; labels are of one run.
  package var run: Int
  /// Of all that the run has.
  package var waiting: Int
  package var labelled: Int
  /// The oldest first, after the number that `after` names.
  package var pairs: [Pair]

  /// Two answers to one question, in an order that was drawn once.
  package struct Pair: Hashable, Sendable, Codable {
    /// What a label names it by.
    package var pair: Int64
    package var question: String
    package var first: String
    package var second: String
  }
}

/// Body of `POST /api/v1/rollouts/{name}/labels`: what a person says of one pair.
package struct LabelRequest: Hashable, Sendable, Codable {
  /// ``LabelsResponse/Pair/pair``.
  package var pair: Int64
  /// Which answer is better, in the order in which they were shown.
  package var prefer: LabelChoice
  /// Who says so: 1…``Signature/maximumActorBytes`` bytes; kept with the label.
  package var actor: String

  package init(pair: Int64, prefer: LabelChoice, actor: String) {
    self.pair = pair
    self.prefer = prefer
    self.actor = actor
  }

  private enum CodingKeys: String, CodingKey, CaseIterable { case pair, prefer, actor }

  package init(from decoder: any Decoder) throws {
    let fields = try KeyedDecodingContainer<CodingKeys>.strict(from: decoder)
    pair = try fields.decode(Int64.self, forKey: .pair)
    let word = try fields.decode(String.self, forKey: .prefer)
    guard let prefer = LabelChoice(rawValue: word) else {
      let known = LabelChoice.allCases.map(\.rawValue).joined(separator: ", ")
      throw ErrorResponse.Problem(
        .invalid, "'prefer' is '\(PlainText.escaping(String(word.prefix(40))))'",
        remedy: "say one of \(known)")
    }
    self.prefer = prefer
    actor = try fields.decode(String.self, forKey: .actor)
  }
}

/// Answer to a label that stands.
package struct LabelResponse: Hashable, Sendable, Codable {
  /// What became of it: a label that is sent again changes nothing.
  package enum Status: String, Hashable, Sendable, Codable { case recorded, unchanged }

  package var pair: Int64
  package var status: Status
  /// Of the run, after it.
  package var waiting: Int
  package var labelled: Int
}
