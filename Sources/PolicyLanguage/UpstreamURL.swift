import Foundation

/// The address of an OpenAI-compatible server.
enum UpstreamURL {
  /// What every address that is read looks like, and some that are refused.
  static let pattern = "^https?://[^\\s@?#]+$"

  /// Reads a base URL, without the slash at its end.
  static func read(_ node: PolicyNode, log: DiagnosticLog) -> String? {
    guard
      let (text, parts) = ServerURL.read(
        node, "a base URL", "http://vllm:8000/v1", key: "apiKeyEnv", log)
    else { return nil }
    if parts.path.split(separator: "/").isEmpty {
      log.report(
        .urlWithoutPath, at: node.position, "the URL ends before a path",
        hint: "most servers answer below '/v1'", severity: .warning)
    }
    return text.last == "/" ? String(text.dropLast()) : text
  }
}
