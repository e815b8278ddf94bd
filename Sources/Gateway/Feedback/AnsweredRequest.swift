import Experimentation

/// Which answer feedback is about: all that is needed to join it to its assignment.
struct AnsweredRequest: Hashable, Sendable {
  var requestID: String
  /// Without labels, which may be long, and which no gate on feedback asks for.
  var assignment: Assignment
  var model: ModelName
  /// Whose choice stands in each place; empty when `model` gave all.
  var choices: [ModelName] = []

  /// Who gave the choice in `place`; `nil` when there is none.
  func author(of place: Int) -> ModelName? {
    if choices.isEmpty { return model }
    return choices.indices.contains(place) ? choices[place] : nil
  }

  init(requestID: String, assignment: Assignment, model: ModelName) {
    self.requestID = requestID
    self.assignment = assignment
    self.assignment.labels = [:]
    self.model = model
  }
}
