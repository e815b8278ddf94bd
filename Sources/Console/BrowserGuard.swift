import HTTPTypes
import Hummingbird

/// Keeps the pages that an operator happens to have open from giving commands.
///
/// A browser sends `Origin` and, from safe contexts, `Sec-Fetch-Site` along with what a page asks
/// it to post. A page of another origin is refused. So is one whose origin is our own by a name
/// that anybody could point at this address (DNS rebinding): of names only `localhost` is taken,
/// any address is. Programs send neither header and are not concerned.
struct BrowserGuard: RouterMiddleware {
  private static let secFetchSite = HTTPField.Name("sec-fetch-site")

  func handle(
    _ request: Request, context: ConsoleContext,
    next: (Request, ConsoleContext) async throws -> Response
  ) async throws -> Response {
    if request.method != .get && request.method != .head {
      try Self.check(
        origin: request.headers[.origin], site: Self.secFetchSite.flatMap { request.headers[$0] },
        authority: request.head.authority)
    }
    return try await next(request, context)
  }

  static func check(
    origin: String?, site: String?, authority: String?
  ) throws(ConsoleError) {
    if let site, site != "same-origin" && site != "none" {
      throw ConsoleError(.forbidden, "a page of another site may not give commands")
    }
    guard let origin else { return }
    let host = origin.firstRange(of: "://").map { origin[$0.upperBound...] }
    guard let host, let authority, host.lowercased() == authority.lowercased() else {
      throw ConsoleError(.forbidden, "a page of another origin may not give commands")
    }
    guard isOwnHost(host) else {
      throw ConsoleError(
        .forbidden, "a page may give commands by this machine's address only, not by a name",
        remedy: "open it as localhost or by its IP address")
    }
  }

  /// Whether `authority` is an address or `localhost`, with or without a port.
  private static func isOwnHost(_ authority: Substring) -> Bool {
    if authority.hasPrefix("[") { return true }
    let host = authority.prefix { $0 != ":" }
    if host.lowercased() == "localhost" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
  }
}
