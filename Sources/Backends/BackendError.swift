package import Experimentation
package import OpenAIAPI

/// A failure to answer: what kind it was for the statistics, and what the client is told.
package struct BackendError: Error, Hashable, Sendable {
  /// The kind of failure; says whether the model is to blame.
  package var failure: FailureClass
  /// What the client is told, in OpenAI's shape.
  package var apiError: APIError

  package init(_ failure: FailureClass, _ apiError: APIError) {
    self.failure = failure
    self.apiError = apiError
  }
}

extension BackendError: CustomStringConvertible {
  package var description: String { "\(failure.rawValue): \(apiError.message)" }
}
