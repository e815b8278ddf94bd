import Foundation

/// A base URL that somebody typed: `http` or `https`, a host, no trailing slash.
struct ServerAddress {
  let text: String

  /// - Parameters:
  ///   - typed: what was given; an empty text means `default`
  ///   - option: what to name in the message
  init(_ typed: String, default: String, of option: String) throws(CommandFailure) {
    var text = typed.isEmpty ? `default` : typed
    while text.hasSuffix("/") { text.removeLast() }
    guard let url = URL(string: text), ["http", "https"].contains(url.scheme ?? ""),
      url.host(percentEncoded: true)?.isEmpty == false, url.query == nil, url.fragment == nil,
      url.user == nil
    else {
      throw CommandFailure(
        .usage, "'\(typed)' is no address of a server",
        remedy: "write \(option) like \(`default`)")
    }
    self.text = text
  }
}
