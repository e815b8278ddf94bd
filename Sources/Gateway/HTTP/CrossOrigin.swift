import HTTPTypes
import Hummingbird
import OpenAIAPI

/// Lets pages of other origins use a route (the Fetch standard's CORS protocol).
///
/// Only for what needs no key: no credentials are ever allowed along.
struct CrossOrigin {
  /// As configured; `*` is every origin.
  let origins: Set<String>

  /// Seconds that a browser may remember the answer to its question.
  private static let maximumAge = "86400"

  /// Answers a browser's question whether it may send.
  ///
  /// - Throws: 405 when no origin may, 403 when this one may not
  func preflight(_ request: Request) throws(APIError) -> Response {
    guard !origins.isEmpty else {
      throw .methodNotAllowed("OPTIONS is not possible at this path.")
    }
    guard allowed(request) != nil else {
      throw .forbidden("Pages of this origin may not send here; see serve --feedback-origins.")
    }
    var response = Response(status: .noContent)
    response.setHeader("access-control-allow-methods", "POST")
    response.setHeader("access-control-allow-headers", "content-type")
    response.setHeader("access-control-max-age", Self.maximumAge)
    return response
  }

  /// Says on an answer, a refusal too, that the page may read it.
  func mark(_ response: inout Response, to request: Request) {
    guard let origin = allowed(request) else { return }
    response.setHeader("access-control-allow-origin", origin)
    response.setHeader("vary", "origin")
  }

  private func allowed(_ request: Request) -> String? {
    guard let origin = request.headers[.origin] else { return nil }
    return origins.contains(origin) || origins.contains("*") ? origin : nil
  }
}
