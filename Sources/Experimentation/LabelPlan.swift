/// Which of the pairs that a judge looked at are kept for people to say what they think: `labels`
/// and `labelPercent` of a judge.
package struct LabelPlan: Hashable, Sendable, Codable {
  /// Pairs of each candidate in one run, labelled and waiting together; 20…1,000.
  package var limit: Int
  /// The share of judged pairs that is drawn, whatever the judge said; above 0.
  package var share: Share

  package init(limit: Int, share: Share) {
    self.limit = limit
    self.share = share
  }

  /// Of ``limit``: below it nothing is corrected, above it nobody labels.
  package static let limits = 20...1_000

  /// Without `labelPercent`: 10.
  package static let usualShare = Share(0.1) ?? .all

  /// How long the texts of a pair that nobody labels are kept, at most.
  package static let textMilliseconds: Int64 = 14 * 86_400_000
}

/// A pair of answers that a judge has looked at, without a word of what they said.
package struct JudgedAnswers: Hashable, Sendable {
  package var requestID: String
  package var assignment: Assignment
  package var incumbent: ModelName
  package var candidate: ModelName
  /// Of the incumbent's prompt, for slices; `nil` when it was not counted.
  package var promptTokens: Int?
  /// How much the judge prefers the candidate's answer, 0…1.
  package var judged: Double

  package init(
    requestID: String, assignment: Assignment, incumbent: ModelName, candidate: ModelName,
    promptTokens: Int?, judged: Double
  ) {
    self.requestID = requestID
    self.assignment = assignment
    self.incumbent = incumbent
    self.candidate = candidate
    self.promptTokens = promptTokens
    self.judged = judged
  }
}

/// A judged pair with its texts, kept until a person has said which answer is better.
package struct PairToLabel: Hashable, Sendable {
  package var pair: JudgedAnswers
  /// As the judge saw it.
  package var question: String
  package var incumbentAnswer: String
  package var candidateAnswer: String
  /// Which answer people see first, drawn when the pair was kept: "first" means one thing for ever.
  package var isCandidateFirst: Bool
  /// Milliseconds since 1970.
  package var keptAtMilliseconds: Int64

  package init(
    pair: JudgedAnswers, question: String, incumbentAnswer: String, candidateAnswer: String,
    isCandidateFirst: Bool, keptAtMilliseconds: Int64
  ) {
    self.pair = pair
    self.question = question
    self.incumbentAnswer = incumbentAnswer
    self.candidateAnswer = candidateAnswer
    self.isCandidateFirst = isCandidateFirst
    self.keptAtMilliseconds = keptAtMilliseconds
  }

  /// The answers in the order in which people see them.
  package var answers: (first: String, second: String) {
    isCandidateFirst
      ? (candidateAnswer, incumbentAnswer) : (incumbentAnswer, candidateAnswer)
  }
}

/// What a person says of two answers, in the order in which they were shown.
package enum LabelChoice: String, Hashable, Sendable, Codable, CaseIterable {
  case first, second, tie

  /// How much the candidate's answer is preferred: 0, ½ or 1.
  package func preference(isCandidateFirst: Bool) -> Double {
    switch self {
    case .first: isCandidateFirst ? 1 : 0
    case .second: isCandidateFirst ? 0 : 1
    case .tie: 0.5
    }
  }
}

/// What a person said of a judged pair; the texts are gone by then.
package struct PairLabel: Hashable, Sendable {
  /// The number that the pair waited under.
  package var number: Int64
  package var pair: JudgedAnswers
  /// How much the candidate's answer is preferred: 0, ½ or 1.
  package var preference: Double
  /// Who said it.
  package var actor: String
  /// Milliseconds since 1970.
  package var atMilliseconds: Int64

  package init(
    number: Int64, pair: JudgedAnswers, preference: Double, actor: String, atMilliseconds: Int64
  ) {
    self.number = number
    self.pair = pair
    self.preference = preference
    self.actor = actor
    self.atMilliseconds = atMilliseconds
  }
}
