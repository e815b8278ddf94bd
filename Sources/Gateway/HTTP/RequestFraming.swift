import HTTPTypes
import Hummingbird
import NIOHTTP1

/// Refuses what two servers may read in two ways, where the parser below lets it through: a request
/// without a host or with two, and a body in a transfer coding that is not read here.
///
/// Nobody knows where such a request ends, so that it fails as what the parser itself refuses does:
/// with a bare 400, after which the connection closes.
enum RequestFraming {
  private static let host = HTTPField.Name("host")

  static func check(_ request: Request) throws(HTTPParserError) {
    // The first `Host` became the authority; a second one is still among the fields.
    let others = host.map { request.headers[values: $0].count } ?? 0
    guard let authority = request.head.authority, !authority.isEmpty, others == 0 else {
      throw .invalidHeaderToken
    }
    guard let coding = request.headers[.transferEncoding] else { return }
    guard coding.lowercased() == "chunked" else { throw .invalidHeaderToken }
  }
}
