/// How far an evaluation has come.
package struct EvaluationProgress: Hashable, Sendable {
  /// Tokens of one sequence.
  package let length: Int
  /// What is being counted: texts' windows, or trials of a variant.
  package let what: String
  package let done: Int
  package let total: Int
}
