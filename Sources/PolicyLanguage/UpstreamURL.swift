import Foundation

/// The address of an OpenAI-compatible server.
enum UpstreamURL {
  /// What every address that is read looks like, and some that are refused.
  static let pattern = "^https?://[^\\s@?#]+$"

  /// Reads a base URL, without the slash at its end. The line of one that carries a password is not
  /// shown again.
  static func read(_ node: PolicyNode, log: DiagnosticLog) -> String? {
    guard let text = node.text("a URL", log) else { return nil }
    func refuse(_ message: String) -> String? {
      log.report(
        .invalidURL, at: node.position, message,
        hint: "write it like 'http://vllm:8000/v1'",
        showsLine: !text.contains { "@?".contains($0) })
      return nil
    }
    guard text.unicodeScalars.allSatisfy({ (0x21...0x7E).contains($0.value) && $0 != "\\" }),
      let parts = URLComponents(string: text)
    else { return refuse("this is not a URL") }
    guard parts.user == nil, parts.password == nil, !text.contains("@") else {
      log.report(
        .credentialsInURL, at: node.position, "a URL with a user or a password in it",
        hint: "name the variable that holds the key with 'apiKeyEnv'", showsLine: false)
      return nil
    }
    guard let scheme = parts.scheme, ["http", "https"].contains(scheme) else {
      return refuse("a URL must begin with http:// or https://")
    }
    guard let host = parts.host, !host.isEmpty, text.hasPrefix("\(scheme)://") else {
      return refuse("a URL without a host")
    }
    if let port = parts.port, !(1...65_535).contains(port) {
      return refuse("the port \(port) is not from 1 to 65535")
    }
    guard parts.query == nil, parts.fragment == nil else {
      return refuse("a base URL has no '?' and no '#'")
    }
    let segments = parts.path.split(separator: "/")
    guard !segments.contains(".."), !parts.path.contains("//") else {
      return refuse("a path with '..' or '//' in it")
    }
    if segments.isEmpty {
      log.report(
        .urlWithoutPath, at: node.position, "the URL ends before a path",
        hint: "most servers answer below '/v1'", severity: .warning)
    }
    return text.last == "/" ? String(text.dropLast()) : text
  }
}
