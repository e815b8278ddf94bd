import Console
import Experimentation
import Foundation
import Simulation
import Storage
import Synchronization

/// A backtest of many requests, part by part: writing the trace as an export does, reading it, and
/// letting everything happen.
struct BacktestBench {
  /// What a run has measured; seconds by the wall clock.
  struct Report: Encodable {
    let requests: Int
    let pairs: Int
    let traceBytes: Int
    let writeSeconds: Double
    let readSeconds: Double
    let runSeconds: Double
    /// Reading and running: what a user waits for.
    let seconds: Double
    let status: String
    let residentBytes: Int?

    var text: String {
      """
      \(requests) requests and \(pairs) pairs, \(traceBytes >> 20) MiB, written in \
      \(Numbers.seconds(writeSeconds))
      read in \(Numbers.seconds(readSeconds)), run in \(Numbers.seconds(runSeconds)): \
      \(Numbers.seconds(seconds)); the rollout is \(status)

      """
    }
  }

  let requests: Int
  let folder: String
  let seed: UInt64

  func run() async throws -> Report? {
    guard let names = SimulatedNames(), let policy = Self.policy(names) else { return nil }
    let files = ["outcomes.jsonl", "pairs.jsonl"].map { folder + "/" + $0 }
    let kinds: [Export.Kind] = [.outcomes, .comparisons]
    var parts: [Double] = []
    let clock = ContinuousClock()
    parts.append(
      try await clock.measure {
        for (file, kind) in zip(files, kinds) { try await write(names, kind, to: file) }
      } / .seconds(1))
    let bytes = files.reduce(0) { sum, file in
      let size = try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
      return sum + (size ?? 0)
    }
    let begin = clock.now
    let trace = try TraceFiles.read(files, route: policy.route)
    parts.append((clock.now - begin) / .seconds(1))
    let loaded = clock.now
    let plan = BacktestPlan(policy: policy, seed: seed)
    let backtest = try await BacktestCommand.run(plan, on: trace)
    parts.append((clock.now - loaded) / .seconds(1))
    return Report(
      requests: trace.count, pairs: trace.pairCount, traceBytes: bytes, writeSeconds: parts[0],
      readSeconds: parts[1], runSeconds: parts[2], seconds: parts[1] + parts[2],
      status: backtest.state?.status.text ?? "not begun",
      residentBytes: MemoryBench.peakResidentBytes)
  }

  /// A policy that goes on to the end of the trace: its last step asks for more than there is.
  private static func policy(_ names: SimulatedNames) -> RolloutPolicy? {
    guard let five = Share(0.05), let half = Share(0.5) else { return nil }
    return names.policy(
      [
        Step(.shadow(ShadowTraffic(concurrency: 16)), hold: HoldConditions(minSamples: 1_000)),
        Step(.canary(weight: five), hold: HoldConditions(minSamples: 500)),
        Step(
          .split(weights: [names.incumbent: half, names.candidate: half]),
          hold: HoldConditions(minSamples: 1 << 40)),
      ],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.01))),
        MetricGate(
          name: "latency", metric: .latency, role: .guardrail,
          objective: .notWorse(by: .relative(0.1))),
        MetricGate(
          name: "slowest", metric: .latency, role: .guardrail,
          objective: .notWorse(by: .relative(0.25)), quantile: 0.95),
        MetricGate(
          name: "agreement", metric: .tokenAgreement, role: .guardrail,
          objective: .notWorse(by: .absolute(0.1))),
      ])
  }

  private func write(
    _ names: SimulatedNames, _ kind: Export.Kind, to path: String
  ) async throws {
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let file = FileHandle(forWritingAtPath: path), let half = Share(0.5)
    else { throw CommandFailure(.failed, "'\(path)' cannot be written") }
    var traffic = TrafficModel()
    traffic.users = max(1, requests / 20)
    traffic.requestsPerSecond = 10
    let store = GeneratedStore(
      GeneratedTraffic(names, seed: seed, share: half, pairShare: 0.1, traffic: traffic),
      requests: requests)
    try await Export(of: RunID(rollout: names.rollout, run: 1), kind, as: .jsonl)
      .write(from: store) { try file.write(contentsOf: Data($0.utf8)) }
    try file.close()
  }
}

/// Rows that are made when they are asked for, once and in order: an export of any length in the
/// room of a page.
private final class GeneratedStore: OutcomeStore {
  private struct State {
    var traffic: GeneratedTraffic
    var left: Int
    var sequence: Int64 = 0
  }

  private let state: Mutex<State>

  init(_ traffic: GeneratedTraffic, requests: Int) {
    state = Mutex(State(traffic: traffic, left: requests))
  }

  private func rows<Row: Sendable>(
    _ limit: Int, _ row: (Outcome, Comparison?) -> Row?
  ) -> [Sequenced<Row>] {
    state.withLock { state in
      var rows: [Sequenced<Row>] = []
      while rows.count < limit, state.left > 0 {
        let next = state.traffic.next()
        state.left -= 1
        state.sequence += 1
        if let row = row(next.outcome, next.comparison) {
          rows.append(Sequenced(sequence: state.sequence, value: row))
        }
      }
      return rows
    }
  }

  func outcomes(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Outcome>] { rows(limit) { outcome, _ in outcome } }

  func comparisons(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Comparison>] { rows(limit) { $1 } }

  func feedback(
    of rollout: RolloutName, run: Int, after sequence: Int64, limit: Int
  ) async throws(StorageError) -> [Sequenced<Feedback>] { [] }

  func append(outcomes: [Outcome], comparisons: [Comparison]) async throws(StorageError) {
    throw StorageError(.unavailable, "generated rows are only read")
  }

  func record(_ feedback: [Feedback]) async throws(StorageError) -> [FeedbackReceipt] {
    throw StorageError(.unavailable, "generated rows are only read")
  }

  func rollups(
    of rollout: RolloutName, run: Int
  ) async throws(StorageError) -> [OutcomeRollup.Key: OutcomeRollup] { [:] }

  func runs() async throws(StorageError) -> [StoredRun] { [] }

  func prune(
    _ retention: Retention, nowMilliseconds: Int64, keeping: Set<RunID>, limit: Int
  ) async throws(StorageError) -> Int { 0 }
}
