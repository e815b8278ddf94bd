import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix

extension HTTPClient {
  /// Runs `body` with a client that follows no redirects and gives up on a server that is not
  /// there; shuts the client down however `body` ends.
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

extension CommandFailure {
  /// What an exchange that did not come about means: nobody there, or somebody who does not speak
  /// our language.
  init(_ error: any Error, at address: String, remedy: String) {
    if let absence = Self.absence(error) {
      self.init(.unreachable, "no service answers at \(address): \(absence)", remedy: remedy)
    } else {
      self.init(.failed, "the exchange with \(address) failed: \(error)")
    }
  }

  /// Why nobody answered, or `nil` when somebody did.
  private static func absence(_ error: any Error) -> String? {
    switch error {
    case let error as HTTPClientError where error == .connectTimeout:
      "it does not accept connections"
    case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
      "it takes too long"
    case let error as HTTPClientError where error == .remoteConnectionClosed:
      "it closed the connection"
    case let error as NIOConnectionError where error.connectionErrors.isEmpty:
      "nobody knows a host named '\(error.host)'"
    case is NIOConnectionError, is IOError: "nothing listens there"
    default: nil
    }
  }
}
