import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix

extension HTTPClient {
  /// Runs `body` with a client that follows no redirects and gives up on a server that is not there;
  /// shuts the client down however `body` ends.
  static func use<Value>(_ body: (HTTPClient) async throws -> Value) async throws -> Value {
    var configuration = Configuration()
    configuration.redirectConfiguration = .disallow
    configuration.timeout = Configuration.Timeout(connect: .seconds(3), read: .seconds(300))
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.decompression = .disabled
    let client = HTTPClient(
      eventLoopGroupProvider: .singleton, configuration: configuration)
    do {
      let value = try await body(client)
      try await client.shutdown()
      return value
    } catch {
      try? await client.shutdown()
      throw error
    }
  }
}

extension Error {
  /// A transport's error for people, in one line.
  var inWords: String {
    switch self {
    case let error as HTTPClientError where error == .connectTimeout:
      "it does not accept connections"
    case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
      "it takes too long"
    case let error as NIOConnectionError where !error.connectionErrors.isEmpty:
      "nothing listens there"
    case let error as IOError where error.errnoCode == ECONNREFUSED: "nothing listens there"
    default: "\(self)"
    }
  }
}
