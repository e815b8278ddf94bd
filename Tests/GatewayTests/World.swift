import Backends
import Experimentation
import Foundation
import Logging
import NIOCore
import Observability
import Routing
import SQLiteStorage
import ServiceLifecycle
import Storage
import Synchronization
import TestPeers
import Testing

@testable import Gateway

/// The real gateway as it is put together for service: real sockets before it, scripted servers
/// behind it, a real store beside it. Only the clock stands still.
struct World: Sendable {
  let port: Int
  let gateway: Gateway
  let table: LiveRoutingTable
  let recorder: OutcomeRecorder
  let shadows: ShadowDispatcher
  let store: any OutcomeStore
  let clock: StandingClock
  /// Tells it to stop, as a signal does; returns at once.
  let stop: @Sendable () async -> Void
  private let registry: PrometheusRegistry

  /// What a test decides.
  struct Options: Sendable {
    var gateway = GatewayConfiguration()
    /// `nil` for SQLite in a folder of its own.
    var store: (any OutcomeStore)?
    var rowCapacity = 1_000
    var flushInterval: Duration = .milliseconds(10)
    var shadowDeadline: Duration = .seconds(30)
    var shadowCapacity = 100
    var shadowCapacityBytes = 1 << 20
    var timeouts = UpstreamTimeouts(
      connectSeconds: 2, firstTokenSeconds: 20, idleSeconds: 20, totalSeconds: 20)
    var unreadyReason: String?
    /// Whether the servers score text.
    var scoring: ScoringSpecification?

    init() {}
  }

  /// Serves `routes` while `body` runs, and shuts down gracefully.
  ///
  /// - Parameter upstreams: ports of the servers behind the models
  static func run(
    _ upstreams: [String: Int], _ routes: [RouteTable] = [],
    options configure: (inout Options) -> Void = { _ in },
    _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    var options = Options()
    configure(&options)
    let folder = try TemporaryFolder()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let database =
      try options.store == nil ? SQLiteDatabase(folder: folder.path, logger: logger) : nil
    let store = try #require(options.store ?? database?.outcomes)
    let (ports, portArrived) = AsyncStream<Int>.makeStream()
    let parts = try Parts(upstreams, routes, options, store, logger)
    let application = parts.gateway.application(host: "127.0.0.1", port: 0) { channel in
      portArrived.yield(channel.localAddress?.port ?? 0)
    }
    let group = ServiceGroup(
      services: [parts.recorder, parts.shadows, parts.gateway.scorer, application], logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      var arriving = ports.makeAsyncIterator()
      let port = try #require(await arriving.next())
      let world = World(port, parts, store) { await group.triggerGracefulShutdown() }
      do { try await body(world) } catch {
        await group.triggerGracefulShutdown()
        throw error
      }
      await group.triggerGracefulShutdown()
      try await tasks.waitForAll()
    }
    try database?.close()
  }

  private struct Parts {
    let gateway: Gateway
    let table: LiveRoutingTable
    let recorder: OutcomeRecorder
    let shadows: ShadowDispatcher
    let clock = StandingClock()
    let registry = PrometheusRegistry()

    init(
      _ upstreams: [String: Int], _ routes: [RouteTable], _ options: Options,
      _ store: any OutcomeStore, _ logger: Logger
    ) throws {
      let backends = BackendRegistry()
      for (name, port) in upstreams {
        backends.register(
          try UpstreamBackend(
            model: modelName(name),
            specification: UpstreamSpecification(
              url: "http://127.0.0.1:\(port)/v1", model: "up/\(name)", timeouts: options.timeouts,
              scoring: options.scoring),
            environment: { _ in nil }))
      }
      table = LiveRoutingTable(
        RoutingTable(
          routes: Dictionary(
            routes.map { ($0.route, $0) }, uniquingKeysWith: { first, _ in first }),
          models: Set(try upstreams.keys.map(modelName))))
      let metrics = GatewayMetrics(factory: registry)
      recorder = OutcomeRecorder(
        store: store, capacity: options.rowCapacity, flushInterval: options.flushInterval,
        metrics: metrics, logger: logger)
      let nonces = IDs()
      shadows = ShadowDispatcher(
        table: table, backends: backends, recorder: recorder, capacity: options.shadowCapacity,
        capacityBytes: options.shadowCapacityBytes, deadline: options.shadowDeadline,
        labels: store as? any LabelStore ?? NoLabels(), metrics: metrics, logger: logger,
        makeNonce: { nonces.next() },
        wallClock: { [clock] in clock.milliseconds })
      let ids = IDs()
      gateway = Gateway(
        table: table, backends: backends, recorder: recorder, shadows: shadows,
        feedback: FeedbackRecorder(store: store), metrics: metrics,
        configuration: options.gateway,
        edge: GatewayEdge(
          wallClock: { [clock] in clock.milliseconds }, makeRequestID: { ids.next() },
          unreadyReason: { [reason = options.unreadyReason] in reason },
          renderMetrics: { [registry] in registry.render() }),
        logger: logger)
    }
  }

  private init(
    _ port: Int, _ parts: Parts, _ store: any OutcomeStore,
    stop: @escaping @Sendable () async -> Void
  ) {
    self.port = port
    self.stop = stop
    self.store = store
    gateway = parts.gateway
    table = parts.table
    recorder = parts.recorder
    shadows = parts.shadows
    clock = parts.clock
    registry = parts.registry
  }
}

// MARK: - Asking

extension World {
  static let chat = "/v1/chat/completions"

  /// A chat request's body.
  static func body(
    _ text: String = "Hi", model: String = "assistant", stream: Bool = false, _ more: String = ""
  ) -> String {
    #"{"model":"\#(model)","messages":[{"role":"user","content":"\#(text)"}]"#
      + (stream ? #","stream":true"# : "") + more + "}"
  }

  /// A request's bytes.
  static func bytes(
    _ method: String = "POST", _ path: String = chat, _ body: String = "", headers: [String] = []
  ) -> String {
    let isJSON = !body.isEmpty && !headers.contains { $0.lowercased().hasPrefix("content-type") }
    let lines =
      ["\(method) \(path) HTTP/1.1", "Host: localhost"]
      + (isJSON ? ["Content-Type: application/json"] : []) + headers
      + ["Content-Length: \(body.utf8.count)", "", body]
    return lines.joined(separator: "\r\n")
  }

  /// One request on a connection of its own.
  func ask(
    _ method: String = "POST", _ path: String = chat, _ body: String = "", headers: [String] = []
  ) async throws -> HTTPAnswer {
    try await RawClient.run(port: port) { client in
      try await client.send(Self.bytes(method, path, body, headers: headers))
      return try await client.answer()
    }
  }

  /// A question in chat, on a connection of its own.
  func chat(
    _ text: String = "Hi", model: String = "assistant", stream: Bool = false, _ more: String = "",
    headers: [String] = []
  ) async throws -> HTTPAnswer {
    try await ask(
      "POST", Self.chat, Self.body(text, model: model, stream: stream, more), headers: headers)
  }

  /// Whether no request has a place and no shadow waits or runs.
  var isIdle: Bool { gateway.admission.count == 0 && shadows.pending == 0 }
}

// MARK: - Looking

extension World {
  /// The outcomes of the rollout `trial` once there are `count`, in the store's order.
  func outcomes(_ count: Int) async throws -> [Outcome] {
    var found: [Outcome] = []
    let trial = try rolloutName("trial")
    _ = try await eventually {
      found = try await store.outcomes(of: trial, run: 1, after: 0, limit: 10_000).map(\.value)
      return found.count >= count
    }
    #expect(found.count == count)
    return found
  }

  /// The comparisons of the rollout `trial` once there are `count`, in the store's order.
  func comparisons(_ count: Int) async throws -> [Comparison] {
    var found: [Comparison] = []
    let trial = try rolloutName("trial")
    _ = try await eventually {
      found = try await store.comparisons(of: trial, run: 1, after: 0, limit: 10_000).map(\.value)
      return found.count >= count
    }
    #expect(found.count == count)
    return found
  }

  /// The sum of a counter's series with these labels; 0 when there is none.
  func counter(_ name: String, _ labels: [String: String] = [:]) -> Double {
    String(decoding: registry.render(), as: UTF8.self).split(separator: "\n").reduce(0) {
      sum, line in
      guard line.hasPrefix("\(name){") || line.hasPrefix("\(name) "),
        labels.allSatisfy({ line.contains("\($0.key)=\"\($0.value)\"") })
      else { return sum }
      return sum + (line.split(separator: " ").last.flatMap { Double($0) } ?? 0)
    }
  }

  func dropped(_ reason: String) -> Double {
    counter("rollout_shadow_dropped_total", ["reason": reason])
  }
}

// MARK: - Parts

/// A wall clock that stands still until it is moved.
final class StandingClock: Sendable {
  private let now = Mutex<Int64>(1_750_000_000_000)

  var milliseconds: Int64 { now.withLock { $0 } }

  func advance(bySeconds seconds: Int64) { now.withLock { $0 += seconds * 1_000 } }
}

/// Names for requests that bring none.
private final class IDs: Sendable {
  private let last = Atomic(0)

  func next() -> String { "made-\(last.add(1, ordering: .relaxed).newValue)" }
}

/// A folder that goes when the value does.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(
      path: "rollout-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path(percentEncoded: false)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

func modelName(_ text: String) throws -> ModelName { try #require(ModelName(text)) }
func routeName(_ text: String) throws -> RouteName { try #require(RouteName(text)) }
func rolloutName(_ text: String) throws -> RolloutName { try #require(RolloutName(text)) }

extension RouteTable {
  /// The route `assistant`, with the incumbent `dense` and the candidate `flash` under way in the
  /// rollout `trial`.
  static func trial(
    canary: Double? = nil, shadow: ShadowTraffic? = nil, unit: UnitKind = .user,
    allowsOverride: Bool = false
  ) throws -> RouteTable {
    let share = try #require(Share(canary ?? 0))
    return RouteTable(
      route: try routeName("assistant"), incumbent: try modelName("dense"),
      rollout: RolloutPosition(
        rollout: try rolloutName("trial"), digest: "d1", step: 1, run: 1),
      unit: unit, salt: "salt-1",
      serving: [
        WeightedModel(model: try modelName("dense"), share: share.complement),
        WeightedModel(model: try modelName("flash"), share: share),
      ],
      shadows: try shadow.map { [ShadowRule(model: try modelName("flash"), traffic: $0)] } ?? [],
      allowsOverride: allowsOverride)
  }
}

/// What a test takes out of the world that it ran in.
final class Collected: Sendable {
  private let bodies = Mutex<[String]>([])
  private let kept = Mutex<World?>(nil)

  var all: [String] { bodies.withLock { $0 } }

  func add(_ body: String) { bodies.withLock { $0.append(body) } }

  var world: World? {
    get { kept.withLock { $0 } }
    set { kept.withLock { $0 = newValue } }
  }
}
