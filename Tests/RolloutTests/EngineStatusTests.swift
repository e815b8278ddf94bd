import Foundation
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// What operators see of the embedded engine: its gauges, and what a model cannot have.
@Suite(.serialized) struct EngineStatusTests {
  let folder: TemporaryFolder
  let weights: URL
  let policies: URL

  init() throws {
    folder = try TemporaryFolder()
    weights = try Program.weights()
    policies = try TestPolicies.write(into: folder, weights: weights, candidate: "quest")
    try folder.write(
      """
      apiVersion: rollout/v1
      kind: Model
      name: quest
      engine:
        weights: \(weights.lastPathComponent)
        attention: { kind: blockSparse, selection: quest, keys: 256, blockSize: 16 }
        context: 2048

      """, to: "policies/quest.yaml")
  }

  private func start(_ extra: String...) async throws -> RunningService {
    try await RunningService(
      data: folder.url.appendingPathComponent("data"), policies: policies,
      models: weights.deletingLastPathComponent(), log: folder, extra: extra)
  }

  /// The value of the series that `line` begins with.
  private func gauge(_ line: String, of service: RunningService) async throws -> Double {
    let base = try #require(URL(string: service.endpoint)).deletingLastPathComponent()
    let (data, _) = try await URLSession.shared.data(from: base.appendingPathComponent("metrics"))
    let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
    let found = try #require(lines.first { $0.hasPrefix(line) }, "no \(line)")
    return try #require(found.split(separator: " ").last.flatMap { Double($0) })
  }

  @Test func `the gauges tell what runs, what waits, and what caches hold`() async throws {
    let service = try await start()
    let states = ["live", "shadow"].flatMap { priority in
      ["running", "waiting"].map { (priority, $0) }
    }
    func requests(_ priority: String, _ state: String) async throws -> Double {
      try await gauge(
        "rollout_engine_requests{priority=\"\(priority)\",state=\"\(state)\"}", of: service)
    }
    for (priority, state) in states { #expect(try await requests(priority, state) == 0) }
    #expect(try await gauge("rollout_engine_cache_bytes{use=\"running\"}", of: service) == 0)

    async let answer = service.rollout(
      "ask", String(repeating: "Count the stars. ", count: 20), "--max-tokens", "150")
    var (running, bytes) = (0.0, 0.0)
    let deadline = ContinuousClock.now + .seconds(60)
    while running == 0 || bytes == 0, ContinuousClock.now < deadline {
      running = max(running, try await requests("live", "running"))
      bytes = max(
        bytes, try await gauge("rollout_engine_cache_bytes{use=\"running\"}", of: service))
    }
    #expect(running == 1)
    #expect(bytes > 0)
    #expect(try await answer.status == 0)
    // Whoever is done is counted no more; whole pages of the text stay for others.
    while try await requests("live", "running") > 0, ContinuousClock.now < deadline {}
    #expect(try await requests("live", "running") == 0)
    #expect(try await gauge("rollout_engine_cache_bytes{use=\"prefixes\"}", of: service) > 0)
    #expect(try await service.stop() == 0)
  }

  @Test func `a model that cannot keep 8 bits is named in the status and in the log`()
    async throws
  {
    let service = try await start("--kv-cache", "q8")
    let note = "'quest' keeps attention caches in f16, not q8"
    let status = try await service.rollout("status", "assistant")
    #expect(status.output.contains("Notes"), "\(status.output)")
    #expect(status.output.contains(note), "\(status.output)")
    #expect(!status.output.contains("'dense' keeps"))
    let notes = try await service.status("assistant")["notes"] as? [String]
    #expect(notes?.count == 1 && notes?.first?.hasPrefix(note) == true)
    #expect(try service.logText.contains(note))
    #expect(try await service.stop() == 0)
  }
}
