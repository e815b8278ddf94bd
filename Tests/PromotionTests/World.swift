import Experimentation
import Foundation
import Logging
import Promotion
import Routing
import SQLiteStorage
import Statistics
import Storage
import Synchronization
import Testing

/// A clock that goes when it is told to.
final class ManualClock: Clock {
  struct Instant: InstantProtocol {
    var elapsed: Duration
    func advanced(by duration: Duration) -> Instant { Instant(elapsed: elapsed + duration) }
    func duration(to other: Instant) -> Duration { other.elapsed - elapsed }
    static func < (left: Instant, right: Instant) -> Bool { left.elapsed < right.elapsed }
  }

  private let elapsed = Mutex(Duration.zero)

  var now: Instant { Instant(elapsed: elapsed.withLock { $0 }) }
  var minimumResolution: Duration { .nanoseconds(1) }

  func advance(by duration: Duration) { elapsed.withLock { $0 += duration } }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    while now < deadline {
      try Task.checkCancellation()
      await Task.yield()
    }
  }
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

/// Names and documents that tests share.
struct Names {
  let dense: ModelName
  let flash: ModelName
  let window: ModelName
  let assistant: RouteName
  let rollout: RolloutName

  init() throws {
    dense = try #require(ModelName("dense"))
    flash = try #require(ModelName("flash"))
    window = try #require(ModelName("window"))
    assistant = try #require(RouteName("assistant"))
    rollout = try #require(RolloutName("assistant"))
  }

  func model(_ name: ModelName, digest: String = "m1") -> ModelSpecification {
    ModelSpecification(
      name: name,
      backend: .engine(EngineSpecification(weights: "model.gguf", attention: .dense)),
      digest: digest)
  }

  var models: [ModelSpecification] { [model(dense), model(flash), model(window)] }

  func policy(
    _ steps: [Step], metrics: [MetricGate] = [], candidates: [ModelName]? = nil,
    promotion: PromotionMode = .manual, unit: UnitKind = .request, alpha: Double = 0.05,
    digest: String = "p1"
  ) -> RolloutPolicy {
    RolloutPolicy(
      name: rollout, route: assistant, incumbent: dense, candidates: candidates ?? [flash],
      assignment: AssignmentPolicy(unit: unit, salt: "s"), steps: steps, metrics: metrics,
      analysis: AnalysisPolicy(alpha: alpha, everySeconds: 1), promotion: promotion,
      digest: digest)
  }

  func state(
    _ policy: RolloutPolicy, step: Int = 0, status: RolloutStatus = .running,
    approvedStep: Int? = nil
  ) -> RolloutState {
    RolloutState(
      policy: policy, run: 1, status: status, step: step, stepStartedAtMilliseconds: 0,
      startedAtMilliseconds: 0, approvedStep: approvedStep)
  }

  func assignment(
    _ policy: RolloutPolicy, step: Int, run: Int = 1, unit: UInt64 = 0, propensity: Double? = 1
  ) -> Assignment {
    Assignment(
      route: policy.route,
      rollout: RolloutPosition(
        rollout: policy.name, digest: policy.digest, step: step, run: run),
      unitHash: unit, propensity: propensity, atMilliseconds: 0)
  }

  /// A pair in which the candidate's answer took `ratio` times as long.
  func pair(
    _ policy: RolloutPolicy, step: Int = 0, incumbent: Measurements? = nil,
    candidate: Measurements? = nil, tokenAgreement: Double? = nil, prefixAgreement: Double? = nil
  ) -> Comparison {
    Comparison(
      requestID: "r", assignment: assignment(policy, step: step), incumbent: dense,
      candidate: flash, incumbentMeasurements: incumbent ?? answer(),
      candidateMeasurements: candidate ?? answer(), tokenAgreement: tokenAgreement,
      prefixAgreement: prefixAgreement)
  }

  func answer(
    seconds: Double = 1, failure: FailureClass? = nil, promptTokens: Int? = 100
  ) -> Measurements {
    Measurements(
      timeToFirstTokenSeconds: failure == nil ? seconds / 10 : nil,
      timePerOutputTokenSeconds: failure == nil ? seconds / 100 : nil, totalSeconds: seconds,
      promptTokens: promptTokens, outputTokens: failure == nil ? 50 : nil,
      finishReason: failure == nil ? "stop" : nil, failure: failure)
  }
}

/// A controller on real storage, with a clock and a wall clock that tests set.
final class World: Sendable {
  let names: Names
  let folder: TemporaryFolder
  let database: SQLiteDatabase
  let clock = ManualClock()
  let wall = Mutex<Int64>(1_000_000)
  let table = LiveRoutingTable()

  init() throws {
    names = try Names()
    folder = try TemporaryFolder()
    database = try SQLiteDatabase(folder: folder.path, logger: World.logger)
  }

  deinit { try? database.close() }

  static var logger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

  /// A controller that has resumed. Asked again it is the same service after a restart.
  func controller(
    journal: (any Journal)? = nil, table: LiveRoutingTable? = nil,
    retention: Retention = Retention(),
    revision: @escaping @Sendable (ModelName) -> String? = { _ in nil },
    prepare: @escaping Controller.Preparation = { _ in {} },
    announce: @escaping @Sendable (Announcement) -> Void = { _ in }
  ) async throws -> Controller {
    let controller = Controller(
      journal: journal ?? database.journal, outcomes: database.outcomes,
      labels: database.outcomes, table: table ?? self.table, prepare: prepare,
      wallClock: { [self] in wall.withLock { $0 } }, clock: clock, retention: retention,
      revision: revision, announce: announce, logger: World.logger)
    try await controller.resume()
    return controller
  }

  @discardableResult
  func apply(_ policy: RolloutPolicy, to controller: Controller) async throws -> [JournalEntry] {
    try await controller.perform(
      .apply(models: names.models, rollouts: [policy]), actor: "test", reason: nil)
  }

  func rollout(_ controller: Controller) async throws -> RolloutState {
    try #require(await controller.status().state.rollouts[names.rollout])
  }

  func report(_ controller: Controller) async throws -> GateReport {
    try #require(await controller.status().reports[names.rollout]?.first)
  }

  var route: RouteTable? { table.snapshot.routes[names.assistant] }

  /// Stores `count` good answers of the candidate, and as many of the incumbent, at a 50 % canary.
  func serve(
    _ policy: RolloutPolicy, step: Int, count: Int, failure: FailureClass? = nil,
    revision: String? = nil
  ) async throws {
    var outcomes: [Outcome] = []
    for index in 0..<2 * count {
      let isCandidate = index % 2 == 1
      let place = names.assignment(policy, step: step, unit: UInt64(index), propensity: 0.5)
      var measurements = names.answer(failure: isCandidate ? failure : nil)
      measurements.revision = isCandidate ? revision : nil
      outcomes.append(
        Outcome(
          requestID: "r\(index)", assignment: place, model: isCandidate ? names.flash : names.dense,
          measurements: measurements))
    }
    try await database.outcomes.append(outcomes: outcomes, comparisons: [])
  }

  /// Stores `count` pairs in a shadow step.
  func shadow(_ policy: RolloutPolicy, step: Int = 0, count: Int, ratio: Double = 1) async throws {
    let pair = names.pair(policy, step: step, candidate: names.answer(seconds: ratio))
    try await database.outcomes.append(
      outcomes: [], comparisons: Array(repeating: pair, count: count))
  }
}

extension Share {
  /// A share that a test wrote down.
  static func part(_ value: Double) throws -> Share { try #require(Share(value)) }
}
