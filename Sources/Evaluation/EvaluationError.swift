/// Why an evaluation cannot be made. What the engine refuses comes as its own error.
package struct EvaluationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Sorted by what the caller can do.
  package enum Code: Hashable, Sendable {
    /// A spelling or a number without meaning; correct it.
    case invalidRequest
    /// The text, or the model's context, is too short for the length asked for.
    case tooShort
  }

  package let code: Code
  /// What, where, and how to mend it.
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
