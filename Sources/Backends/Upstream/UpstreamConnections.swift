import AsyncHTTPClient
import Experimentation
import NIOCore

/// Connections to one server for one kind of request, closed when nobody needs them any more: the
/// backend has been replaced, and its last answer has ended.
final class UpstreamConnections: Sendable {
  let client: HTTPClient

  init(_ timeouts: UpstreamTimeouts) {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(
        connect: .seconds(timeouts.connectSeconds), read: .seconds(timeouts.idleSeconds)),
      decompression: .disabled)
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 512
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.httpVersion = .http1Only
    // Nobody collects spans here, and describing each request for them is not free.
    configuration.tracing.tracer = nil
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  deinit { client.shutdown { _ in } }
}

extension TimeAmount {
  static func seconds(_ seconds: Double) -> TimeAmount {
    .nanoseconds(Int64((max(0, min(seconds, 86_400)) * 1e9).rounded()))
  }
}
