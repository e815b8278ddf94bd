import Experimentation
import Foundation
import Logging
import SQLiteStorage
import Statistics
import Storage

/// The evidence store under load: how fast it takes outcomes in, how large it grows, how fast it
/// answers what a comparison page asks.
struct StoreBench {
  /// What a run has measured.
  struct Report: Encodable {
    let outcomes: Int
    let comparisons: Int
    /// Rows a second by the wall clock, the making of the rows left out.
    var rowsPerSecond = 0.0
    /// Rows a second of processor time, all threads together, the making of the rows left out.
    var rowsPerProcessorSecond = 0.0
    /// Bytes of `metrics.sqlite` and its write-ahead log at the end.
    var fileBytes = 0
    /// Of what a comparison page asks for, over all steps, models and bands of prompt lengths.
    var queryMilliseconds: [String: Double] = [:]
    /// Rows a second that are read back in pages, as an export does.
    var readRowsPerSecond = 0.0
    /// Rows a second that retention removes.
    var prunedRowsPerSecond = 0.0
    /// From opening the folder again to being ready.
    var openMilliseconds = 0.0
    var residentBytes: Int?

    var text: String {
      let quantiles = queryMilliseconds.sorted { $0.key < $1.key }
        .map { "\($0.key) \(String(format: "%.2f", $0.value)) ms" }.joined(separator: ", ")
      return """
        \(outcomes) outcomes and \(comparisons) comparisons
        taken in: \(Int(rowsPerSecond)) rows/s, \(Int(rowsPerProcessorSecond)) a second of processor
        file: \(fileBytes >> 20) MiB, \(fileBytes / max(1, outcomes + comparisons)) bytes a row
        comparison page: \(quantiles)
        read back: \(Int(readRowsPerSecond)) rows/s; removed: \(Int(prunedRowsPerSecond)) rows/s
        opened again in \(Int(openMilliseconds)) ms

        """
    }
  }

  /// As the recorder has them.
  private static let batch = 1_024
  /// Every so many outcomes come with a pair.
  private static let pairEvery = 10
  private static let queries = 200

  private let count: Int
  private let folder: String
  private let rollout: RolloutName
  private let route: RouteName
  private let models: [ModelName]
  private var generator = SeededGenerator(seed: 1)

  /// - Parameters:
  ///   - count: outcomes to take in
  ///   - folder: an empty folder on the disk to be measured
  init?(count: Int, folder: String) {
    guard let rollout = RolloutName("bench"), let route = RouteName("bench"),
      let dense = ModelName("dense"), let flash = ModelName("flash")
    else { return nil }
    self.count = count
    self.folder = folder
    self.rollout = rollout
    self.route = route
    models = [dense, flash]
  }

  mutating func run() async throws -> Report {
    var report = Report(outcomes: count, comparisons: count / Self.pairEvery)
    var database = try open()
    try await fill(database.outcomes, &report)
    try await query(database.outcomes, &report)
    report.readRowsPerSecond = try await read(database.outcomes)
    report.fileBytes = fileBytes
    try database.close()
    let begin = ContinuousClock.now
    database = try open()
    report.openMilliseconds = (ContinuousClock.now - begin) / .milliseconds(1)
    report.prunedRowsPerSecond = try await prune(database.outcomes)
    try database.close()
    report.residentBytes = MemoryBench.peakResidentBytes
    return report
  }

  private func open() throws -> SQLiteDatabase {
    try SQLiteDatabase(
      folder: folder, logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() })
  }

  private mutating func fill(
    _ store: SQLiteOutcomeStore, _ report: inout Report
  ) async throws {
    var wall = Duration.zero
    var processor = 0.0
    var done = 0
    while done < count {
      let size = min(Self.batch, count - done)
      let outcomes = (done..<done + size).map { outcome($0) }
      let comparisons = outcomes.enumerated().filter { ($0.offset + done) % Self.pairEvery == 0 }
        .map { comparison($0.element) }
      let (begin, used) = (ContinuousClock.now, Self.processorSeconds)
      try await store.append(outcomes: outcomes, comparisons: comparisons)
      wall += ContinuousClock.now - begin
      processor += Self.processorSeconds - used
      done += size
    }
    let rows = Double(report.outcomes + report.comparisons)
    report.rowsPerSecond = rows / (wall / .seconds(1))
    report.rowsPerProcessorSecond = rows / processor
  }

  private func query(_ store: SQLiteOutcomeStore, _ report: inout Report) async throws {
    var times: [Double] = []
    for _ in 0..<Self.queries {
      let begin = ContinuousClock.now
      let rollups = try await store.rollups(of: rollout, run: 1)
      let sum = rollups.values.reduce(OutcomeRollup(), +)
      guard sum.totalSeconds.estimate(0.95) != nil else { continue }
      times.append((ContinuousClock.now - begin) / .milliseconds(1))
    }
    times.sort()
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("worst", 1)] where !times.isEmpty {
      report.queryMilliseconds[name] = times[Int(share * Double(times.count - 1))]
    }
  }

  private func read(_ store: SQLiteOutcomeStore) async throws -> Double {
    let begin = ContinuousClock.now
    var (sequence, rows) = (Int64(0), 0)
    while rows < min(count, 1_000_000) {
      let page = try await store.outcomes(of: rollout, run: 1, after: sequence, limit: 5_000)
      guard let last = page.last else { break }
      sequence = last.sequence
      rows += page.count
    }
    return Double(rows) / ((ContinuousClock.now - begin) / .seconds(1))
  }

  /// Removes a tenth, in the portions in which the service does.
  private func prune(_ store: SQLiteOutcomeStore) async throws -> Double {
    let retention = Retention(maximumRows: max(1, count * 9 / 10))
    let begin = ContinuousClock.now
    var removed = 0
    while true {
      let portion = try await store.prune(
        retention, nowMilliseconds: 0, keeping: [], limit: 2_000)
      if portion == 0 { break }
      removed += portion
    }
    return Double(removed) / ((ContinuousClock.now - begin) / .seconds(1))
  }

  private var fileBytes: Int {
    ["metrics.sqlite", "metrics.sqlite-wal"].reduce(0) { sum, name in
      let attributes = try? FileManager.default.attributesOfItem(atPath: folder + "/" + name)
      return sum + ((attributes?[.size] as? NSNumber)?.intValue ?? 0)
    }
  }

  /// Of all threads of the process.
  private static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

// MARK: - Rows

extension StoreBench {
  /// Three steps, prompts of every length, latencies that differ by a factor of ten, an error in a
  /// hundred.
  private mutating func outcome(_ index: Int) -> Outcome {
    let step = index * 3 / max(1, count)
    let isCandidate = generator.next() % 4 == 0
    var assignment = Assignment(
      route: route,
      rollout: RolloutPosition(
        rollout: rollout, digest: String(repeating: "ab", count: 32), step: step, run: 1),
      unitHash: generator.next() % 100_000, propensity: isCandidate ? 0.25 : 0.75,
      atMilliseconds: 1_800_000_000_000 + Int64(index))
    assignment.labels = ["tier": index % 3 == 0 ? "gold" : "free"]
    return Outcome(
      requestID: "req-" + String(generator.next() | 1 << 63, radix: 16), assignment: assignment,
      model: models[isCandidate ? 1 : 0], measurements: measurements())
  }

  private mutating func comparison(_ outcome: Outcome) -> Comparison {
    Comparison(
      requestID: outcome.requestID, assignment: outcome.assignment, incumbent: models[0],
      candidate: models[1], incumbentMeasurements: outcome.measurements,
      candidateMeasurements: measurements(), tokenAgreement: share, prefixAgreement: share)
  }

  private mutating func measurements() -> Measurements {
    if generator.next() % 100 == 0 {
      return Measurements(totalSeconds: share, failure: .unavailable)
    }
    var measurements = Measurements(
      queueSeconds: share / 100, timeToFirstTokenSeconds: 0.05 + share / 2,
      timePerOutputTokenSeconds: 0.01 + share / 20, totalSeconds: 0.5 + 4 * share,
      promptTokens: Int(generator.next() % 6_000), outputTokens: Int(generator.next() % 500),
      cachedPromptTokens: 0, finishReason: "stop")
    measurements.cost = share / 1_000
    measurements.revision = String(repeating: "cd", count: 32)
    return measurements
  }

  /// In 0..<1.
  private var share: Double {
    mutating get { Double(generator.next() >> 11) / Double(1 << 53) }
  }
}
