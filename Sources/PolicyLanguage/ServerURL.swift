import Foundation

/// The address of a server, as policies may have it: without anything that is a secret.
enum ServerURL {
  /// Reads an address. The line of one that carries a password is not shown again.
  ///
  /// - Parameters:
  ///   - what: what it is, for messages
  ///   - example: one that is well
  ///   - key: the key that names a variable for what is secret about it
  ///   - queries: what to do about a query, for those who have one
  static func read(
    _ node: PolicyNode, _ what: String, _ example: String, key: String, queries: String? = nil,
    _ log: DiagnosticLog
  ) -> (text: String, parts: URLComponents)? {
    guard let text = node.text("a URL", log) else { return nil }
    func refuse(
      _ message: String, hint: String? = nil
    ) -> (text: String, parts: URLComponents)? {
      log.report(
        .invalidURL, at: node.position, message, hint: hint ?? "write it like '\(example)'",
        showsLine: !text.contains { "@?".contains($0) })
      return nil
    }
    guard text.unicodeScalars.allSatisfy({ (0x21...0x7E).contains($0.value) && $0 != "\\" }),
      let parts = URLComponents(string: text)
    else { return refuse("this is not a URL") }
    guard parts.user == nil, parts.password == nil, !text.contains("@") else {
      log.report(
        .credentialsInURL, at: node.position, "a URL with a user or a password in it",
        hint: "name the variable that holds \(key == "apiKeyEnv" ? "the key" : "it") with '\(key)'",
        showsLine: false)
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
      return refuse("\(what) has no '?' and no '#'", hint: queries)
    }
    let segments = parts.path.split(separator: "/")
    guard !segments.contains(".."), !parts.path.contains("//") else {
      return refuse("a path with '..' or '//' in it")
    }
    return (text, parts)
  }
}
