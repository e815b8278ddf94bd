package import Hummingbird
import HummingbirdCore
package import NIOCore
import ServiceLifecycle

extension Gateway {
  /// The HTTP server of the data plane, to be run as a service.
  ///
  /// - Parameter onRunning: called with the listening channel, whose address tells the port that
  ///   was chosen for port 0
  package func application(
    host: String, port: Int, onRunning: @escaping @Sendable (any Channel) async -> Void = { _ in }
  ) -> some ApplicationProtocol {
    let clients = clients
    return Application(
      responder: GatewayResponder(gateway: self),
      server: .onEventLoops(
        .init(
          additionalChannelHandlers: [ClientPresence(directory: clients)],
          idleTimeout: .nanoseconds(Int64(configuration.idleTimeout.seconds * 1e9)))),
      configuration: ApplicationConfiguration(
        address: .hostname(host, port: port), serverName: "rollout",
        availableConnectionsDelegate: MaximumAvailableConnections(
          configuration.maximumConnections)),
      onServerRunning: onRunning,
      logger: logger)
  }
}

/// What Hummingbird tells of a request beside the request itself.
struct GatewayContext: RequestContext {
  var coreContext: CoreRequestContextStorage
  let channel: any Channel

  init(source: ApplicationRequestContextSource) {
    coreContext = CoreRequestContextStorage(source: source)
    channel = source.channel
  }
}
