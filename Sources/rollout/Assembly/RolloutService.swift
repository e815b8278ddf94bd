import Backends
import Console
import CoreMetrics
import Experimentation
import Foundation
import Gateway
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Observability
import PolicyLanguage
import Promotion
import Routing
import SQLiteStorage
import ServiceLifecycle
import Storage
import Transformer
import UnixSignals

/// The one place where the parts of the service are put together.
struct RolloutService {
  private let configuration: ServiceConfiguration
  private let logger: Logger
  private let database: SQLiteDatabase
  private let controller: Controller
  private let gateway: Gateway
  private let recorder: OutcomeRecorder
  private let shadows: ShadowDispatcher
  private let notifier: WebhookNotifier

  /// Runs the service until it is told to stop.
  ///
  /// - Throws: `CommandFailure` for what keeps it from serving
  static func run(_ configuration: ServiceConfiguration) async throws {
    let service = try RolloutService(configuration)
    do {
      let schedule = try await service.start()
      try await service.serve(schedule)
    } catch {
      try? service.database.close()
      throw error
    }
    try service.database.close()
  }

  private init(_ configuration: ServiceConfiguration) throws {
    self.configuration = configuration
    logger = Logger(label: "rollout")
    let wallClock = Self.wallClock
    database = try Self.open(configuration, logger)
    let engine: Engine
    do { engine = try Engine(configuration.engine) } catch {
      throw CommandFailure(.usage, error.message)
    }
    let registry = PrometheusRegistry()
    let metrics = GatewayMetrics(factory: registry)
    let engineMetrics = EngineMetrics(factory: registry)
    let logMetrics = LogMetrics(.standardError, factory: registry)
    let backends = BackendRegistry()
    let table = LiveRoutingTable()
    let preparation = ModelPreparation(
      registry: backends,
      embedded: EmbeddedModels(engine: engine, folder: configuration.modelFolder), logger: logger)
    notifier = WebhookNotifier(
      factory: registry, environment: { ProcessInfo.processInfo.environment[$0] }, logger: logger)
    controller = Controller(
      journal: database.journal, outcomes: database.outcomes, labels: database.outcomes,
      table: table,
      prepare: { models throws(CommandRefusal) in try await preparation.prepare(models) },
      wallClock: wallClock, clock: ContinuousClock(), retention: configuration.retention,
      feedbackWindow: configuration.feedbackWindow,
      revision: { backends.backend(for: $0)?.revision },
      announce: { [notifier] in notifier.announce($0) }, logger: logger)
    recorder = OutcomeRecorder(store: database.outcomes, metrics: metrics, logger: logger)
    shadows = ShadowDispatcher(
      table: table, backends: backends, recorder: recorder, labels: database.outcomes,
      metrics: metrics, logger: logger, makeNonce: Self.makeRequestID, wallClock: wallClock)
    var bounds = GatewayConfiguration()
    bounds.apiKeys = configuration.apiKeys
    bounds.feedback = try Self.feedback(configuration)
    bounds.maximumConnections = DescriptorLimit.connections(wanted: bounds.maximumConnections)
    gateway = Gateway(
      table: table, backends: backends, recorder: recorder, shadows: shadows,
      feedback: FeedbackRecorder(store: database.outcomes), metrics: metrics,
      configuration: bounds,
      edge: GatewayEdge(
        wallClock: wallClock, makeRequestID: Self.makeRequestID,
        unreadyReason: { [table] in Self.unreadyReason(table.snapshot) },
        renderMetrics: {
          engineMetrics.observe(engine.load)
          logMetrics.observe()
          return registry.render()
        }),
      logger: logger)
  }

  private static func feedback(
    _ configuration: ServiceConfiguration
  ) throws(CommandFailure) -> FeedbackConfiguration {
    var feedback = FeedbackConfiguration()
    feedback.tokens = try FeedbackKeyFile(folder: configuration.dataFolder).tokens()
    feedback.window = configuration.feedbackWindow
    feedback.keepsText = configuration.keepsFeedbackText
    feedback.origins = configuration.feedbackOrigins
    return feedback
  }

  /// Opens the data folder, and makes it where there is none yet.
  private static func open(
    _ configuration: ServiceConfiguration, _ logger: Logger
  ) throws(CommandFailure) -> SQLiteDatabase {
    let folder = configuration.dataFolder
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw CommandFailure(
        .failed, "the data folder '\(folder)' cannot be made: \(error.localizedDescription)",
        remedy: "name another with --data")
    }
    do {
      var limits = SQLiteOutcomeStore.Limits()
      limits.maximumBytes = max(
        limits.maximumBytes, configuration.retention.maximumRows * Self.bytesPerRow)
      return try SQLiteDatabase(
        folder: folder, anchor: configuration.anchor, limits: limits, logger: logger)
    } catch {
      throw CommandFailure(.failed, error.message)
    }
  }

  /// More than a row of any kind takes in the store.
  private static let bytesPerRow = 512

  /// Open at once on the control endpoint; `DescriptorLimit` leaves room for them.
  private static let controlConnections = 32

  private static func unreadyReason(_ table: RoutingTable) -> String? {
    if table.models.isEmpty {
      return "no model is known; apply a policy with `rollout apply policies/`"
    }
    let routes = table.unansweredRoutes.map(\.route.text).sorted()
    return routes.isEmpty
      ? nil : "nobody answers \(routes.joined(separator: ", ")); `rollout status` says why"
  }

  private static let wallClock: @Sendable () -> Int64 = {
    Int64((Date().timeIntervalSince1970 * 1_000).rounded())
  }

  private static let makeRequestID: @Sendable () -> String = {
    let bits = UInt64.random(in: 0...UInt64.max)
    let hex = String(bits, radix: 16)
    return "req-" + String(repeating: "0", count: 16 - hex.count) + hex
  }

  /// Goes on where the journal ends, then applies the policies of the command line.
  ///
  /// - Returns: when to look at them again; `nil` without any
  private func start() async throws -> ReloadSchedule? {
    do { try await controller.resume() } catch {
      throw CommandFailure(.failed, error.message)
    }
    guard let folder else { return nil }
    let isNew = await controller.status().state.sequence == 0
    let start = FolderFingerprint(folder.path)
    do {
      try await folder.apply(reason: "policies at the start")
      return ReloadSchedule(start: start, isInForce: true)
    } catch {
      if isNew { throw error }
      // What was decided before stands: a file that fell behind must not keep the service down.
      await controller.report(policies: PolicyReload.problem(error, at: folder.path))
      return ReloadSchedule(start: start, isInForce: false)
    }
  }

  private var folder: FolderPolicies? {
    configuration.policies.map {
      FolderPolicies(
        path: $0, trust: configuration.trust, controller: controller, now: Self.wallClock)
    }
  }

  private func serve(_ schedule: ReloadSchedule?) async throws {
    let data = configuration.dataPlane
    let control = configuration.controlPlane
    let listening = ListeningReport()
    let gatewayApplication = gateway.application(host: data.host, port: data.port) { channel in
      listening.data(channel.localAddress)
    }
    let consoleApplication = Application(
      router: Console(
        controller: controller, trust: configuration.trust, now: Self.wallClock,
        copy: { [database] part throws(StorageError) in try await database.copy(part) },
        rates: { [gateway] in
          gateway.rates.rates(at: Self.wallClock()).mapValues {
            RequestRate(perSecond: $0.requestsPerSecond, seconds: $0.seconds)
          }
        },
        notes: { [gateway] in gateway.notes(on: $0) }
      ).router(),
      server: .http1(configuration: .init(idleTimeout: .seconds(60))),
      configuration: ApplicationConfiguration(
        address: .hostname(control.host, port: control.port), serverName: "rollout",
        availableConnectionsDelegate: MaximumAvailableConnections(Self.controlConnections)),
      onServerRunning: { channel in listening.control(channel.localAddress) }, logger: logger)
    // Services stop in the reverse of this order: first no more requests, then no more shadows and
    // looks, then what they did is written down, and last it is told.
    let reload = zip([schedule].compactMap(\.self), [folder].compactMap(\.self)).map {
      ServiceGroupConfiguration.ServiceConfiguration(
        service: PolicyReload(policies: $1, logger: logger, schedule: $0))
    }
    var group = ServiceGroupConfiguration(
      services: [
        .init(service: notifier), .init(service: recorder), .init(service: shadows),
        .init(service: gateway.scorer),
        .init(service: ControllerService(controller: controller)),
        .init(service: consoleApplication), .init(service: gatewayApplication),
      ] + reload,
      gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
    group.maximumGracefulShutdownDuration = .seconds(30)
    do {
      try await ServiceGroup(configuration: group).run()
    } catch let error as IOError where error.errnoCode == EADDRINUSE {
      throw CommandFailure(
        .failed, "port \(data.port) or \(control.port) is in use",
        remedy: "stop what listens there, or choose with --port and --control-port")
    }
  }
}

/// The controller as a service of the group.
private struct ControllerService: Service {
  let controller: Controller

  func run() async throws {
    try? await cancelWhenGracefulShutdown { try await controller.run() }
  }
}
