import Experimentation

/// Which answer feedback is about: all that is needed to join it to its assignment.
struct AnsweredRequest: Hashable, Sendable {
  var requestID: String
  /// Without labels, which may be long, and which no gate on feedback asks for.
  var assignment: Assignment
  var model: ModelName
  /// Whose choice stands in each place; empty when `model` gave all.
  var choices: [ModelName] = []

  /// Whether several models were asked for its choices.
  var isDrafted: Bool { !choices.isEmpty }

  /// Who gave the choice in `place`; `nil` when there is none.
  func author(of place: Int) -> ModelName? {
    if choices.isEmpty { return model }
    return choices.indices.contains(place) ? choices[place] : nil
  }

  /// The same answer as `latest` knows it, if that is of this one: whether preferences may be read
  /// of an answer that several gave is not known for certain when its token is given out.
  func asKnown(by latest: AnsweredRequest?) -> AnsweredRequest {
    guard let latest, !choices.isEmpty else { return self }
    var other = latest
    other.assignment.propensity = assignment.propensity
    return other == self ? latest : self
  }

  init(requestID: String, assignment: Assignment, model: ModelName) {
    self.requestID = requestID
    self.assignment = assignment
    self.assignment.labels = [:]
    self.model = model
  }
}
