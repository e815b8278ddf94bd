package import Backends
package import Experimentation
import Hummingbird
package import Logging
package import OpenAIAPI
package import Routing

/// The data plane: what a live request needs, and nothing of who decides about rollouts.
package final class Gateway: Sendable {
  let table: LiveRoutingTable
  let backends: BackendRegistry
  let recorder: OutcomeRecorder
  let shadows: ShadowDispatcher
  /// To be run as a service, one that stops after the requests do and before the shadows.
  package let scorer: AnswerScorer
  let feedback: FeedbackRecorder
  let metrics: GatewayMetrics
  let configuration: GatewayConfiguration
  let edge: GatewayEdge
  let logger: Logger
  let admission: Admission
  let recent: RecentRequests
  package let rates = RouteRates()
  let clients = ClientDirectory()
  let startedAtMilliseconds: Int64

  package init(
    table: LiveRoutingTable, backends: BackendRegistry, recorder: OutcomeRecorder,
    shadows: ShadowDispatcher, feedback: FeedbackRecorder, metrics: GatewayMetrics,
    configuration: GatewayConfiguration, edge: GatewayEdge, logger: Logger
  ) {
    self.table = table
    self.backends = backends
    self.recorder = recorder
    self.shadows = shadows
    scorer = AnswerScorer(metrics: metrics)
    self.feedback = feedback
    self.metrics = metrics
    self.configuration = configuration
    self.edge = edge
    self.logger = logger
    admission = Admission(capacity: configuration.maximumConcurrentRequests)
    recent = RecentRequests(capacity: configuration.feedback.recentRequests)
    startedAtMilliseconds = edge.wallClock()
  }

  /// What operators should know of how `model` is run; nothing of one that is not here.
  package func notes(on model: ModelName) -> [String] {
    backends.backend(for: model)?.notes ?? []
  }
}

/// The bounds of the data plane.
package struct GatewayConfiguration: Sendable {
  /// Of one request.
  package var limits = RequestLimits.standard
  /// From the first byte to the last of the answer.
  package var requestTimeout: Duration = .seconds(300)
  /// For the body to arrive.
  package var bodyTimeout: Duration = .seconds(30)
  /// Of the rest of a body that was refused: read and thrown away, so that its sender, who may read
  /// nothing before all is sent, gets to the answer. Beyond, the connection closes.
  package var maximumDrainedBytes = 16 << 20
  /// For the same, however few bytes come.
  package var drainTimeout: Duration = .seconds(5)
  /// How long answers under way may go on once the service is told to stop; then their clients are
  /// told so. Keep it some seconds below what the process is given to stop.
  package var shutdownGrace: Duration = .seconds(25)
  /// Live requests under way at once; beyond, 503.
  package var maximumConcurrentRequests = 256
  /// Connections open at once; beyond, new ones wait to be accepted. Keep it below half the limit
  /// of file descriptors: a process that runs out of them dies.
  package var maximumConnections = 1_024
  /// How long a connection may be silent.
  package var idleTimeout: Duration = .seconds(120)
  /// Keys of which a client must show one, or `nil` to let everybody in.
  package var apiKeys: Set<String>?
  package var feedback = FeedbackConfiguration()

  package init() {}
}

/// What the data plane takes from the world around it.
package struct GatewayEdge: Sendable {
  /// Milliseconds since 1970.
  package var wallClock: @Sendable () -> Int64
  /// A fresh name for a request: visible ASCII, unique.
  package var makeRequestID: @Sendable () -> String
  /// `nil` when ready, else what is not.
  package var unreadyReason: @Sendable () async -> String?
  /// The Prometheus text.
  package var renderMetrics: @Sendable () -> [UInt8]

  package init(
    wallClock: @escaping @Sendable () -> Int64, makeRequestID: @escaping @Sendable () -> String,
    unreadyReason: @escaping @Sendable () async -> String?,
    renderMetrics: @escaping @Sendable () -> [UInt8]
  ) {
    self.wallClock = wallClock
    self.makeRequestID = makeRequestID
    self.unreadyReason = unreadyReason
    self.renderMetrics = renderMetrics
  }
}
