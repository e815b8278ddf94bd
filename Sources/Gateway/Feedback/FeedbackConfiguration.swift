package import Experimentation

/// What a deployment decides about feedback.
package struct FeedbackConfiguration: Sendable {
  /// Signs tokens; `nil` gives none out and takes none.
  package var tokens: FeedbackTokens?
  package var window = FeedbackWindow.standard
  /// Whether what people write is kept; else it is refused.
  package var keepsText = false
  /// Origins of pages whose browsers may send (`https://chat.example`), or `*` for all.
  package var origins: Set<String> = []
  /// Requests that can be rated by their names alone.
  package var recentRequests = 65_536

  package init() {}
}
