/// An answer that somebody gave, for models to read and say what they hold of it.
package struct GivenAnswer: Sendable {
  /// What was asked.
  package var prompt: Call.Prompt
  /// What was said.
  package var text: String
  /// The same in tokens; `nil` where the model that gave it does not tell.
  package var trace: TokenTrace?
  /// Identifies the request in logs and at upstreams.
  package var requestID: String
  /// When it must have been read.
  package var deadline: ContinuousClock.Instant

  package init(
    to prompt: Call.Prompt, _ text: String, trace: TokenTrace? = nil, requestID: String,
    deadline: ContinuousClock.Instant
  ) {
    self.prompt = prompt
    self.text = text
    self.trace = trace
    self.requestID = requestID
    self.deadline = deadline
  }
}
