import Foundation
import Testing

/// From the first request to the promotion, through kills, with real processes, sockets, weights
/// and database files.
@Suite(.serialized) struct LifeOfARolloutTests {
  let folder: TemporaryFolder
  let weights: URL
  let policies: URL

  init() throws {
    folder = try TemporaryFolder()
    weights = try Program.weights()
    policies = try TestPolicies.write(into: folder, weights: weights)
  }

  var data: URL { folder.url.appendingPathComponent("data") }

  func start(policies: URL? = nil, extra: [String] = []) async throws -> RunningService {
    try await RunningService(
      data: data, policies: policies ?? self.policies,
      models: weights.deletingLastPathComponent(), log: folder, extra: extra)
  }

  func replay(_ count: Int, on service: RunningService) async throws {
    let traffic = try folder.write(TestPolicies.traffic(count), to: "traffic.jsonl")
    let result = try await service.rollout("replay", traffic.path)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }

  @Test func `a candidate shadows, is compared, and is promoted when its gates hold`() async throws
  {
    let service = try await start()
    let first = try await service.rollout(
      "ask", "Say yes.", "--temperature", "0", "--max-tokens", "4", "--verbose")
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.errors.contains("model dense"))

    let early = try await service.rollout("promote", "assistant", "--reason", "too early")
    #expect(early.status == 1)
    #expect(early.errors.contains("errors"), "a refusal names the open gates: \(early.errors)")

    try await replay(12, on: service)
    try await service.wait(for: "assistant") { $0["step"] as? Int == 1 }
    let promotion = try await service.rollout("promote", "assistant", "--reason", "gates hold")
    #expect(promotion.status == 0, "\(promotion.output)\(promotion.errors)")

    let next = try await service.rollout(
      "ask", "Say yes.", "--temperature", "0", "--max-tokens", "4", "--verbose")
    #expect(next.errors.contains("model flash"))
    #expect(next.output == first.output, "dense and flash give the same greedy text")

    let back = try await service.rollout("rollback", "assistant", "--reason", "second thoughts")
    #expect(back.status == 0, "\(back.output)\(back.errors)")
    let last = try await service.rollout(
      "ask", "Say yes.", "--temperature", "0", "--max-tokens", "4", "--verbose")
    #expect(last.errors.contains("model dense"))
    #expect(try await service.stop() == 0)
  }

  @Test func `after a kill the service goes on where it was`() async throws {
    let first = try await start()
    try await replay(4, on: first)
    try await first.wait(for: "assistant") { samples($0) >= 4 }
    // What was shown is what is stored: give the last rows the moment that a flush may take.
    try await Task.sleep(for: .milliseconds(500))
    first.kill()

    let second = try await start()
    try await second.wait(for: "assistant") { samples($0) >= 4 }
    try await replay(12, on: second)
    try await second.wait(for: "assistant") { $0["step"] as? Int == 1 }
    let promotion = try await second.rollout("promote", "assistant", "--reason", "gates hold")
    #expect(promotion.status == 0, "\(promotion.output)\(promotion.errors)")
    second.kill()

    // The file on the disk still names the old incumbent; the journal knows better.
    let third = try await start()
    let answer = try await third.rollout(
      "ask", "Say yes.", "--temperature", "0", "--max-tokens", "4", "--verbose")
    #expect(answer.errors.contains("model flash"))
    let history = try await third.rollout("history", "assistant")
    #expect(history.output.contains("promoted"))
    #expect(try await third.stop() == 0)
  }

  @Test func `a canary answers its users and keeps them`() async throws {
    let canary = """
        - canary: { weight: 50% }
          hold: { minSamples: 100, minTime: 1h, maxTime: 2h }
      """
    let policies = try TestPolicies.write(into: folder, weights: weights, steps: canary)
    let service = try await start(policies: policies)
    var models: [String: Set<String>] = [:]
    for _ in 0..<2 {
      for number in 0..<12 {
        let user = "user-\(number)"
        let answer = try await service.rollout(
          "ask", "Say yes.", "--temperature", "0", "--max-tokens", "1", "--verbose", "--user", user)
        let model = answer.errors.contains("model flash") ? "flash" : "dense"
        models[user, default: []].insert(model)
      }
    }
    #expect(models.values.allSatisfy { $0.count == 1 }, "a user meets one model")
    // Twelve users on one side has a chance of 2 in 4,096; the salt is fixed, so it is never seen.
    #expect(Set(models.values.compactMap(\.first)).count == 2)
    #expect(try await service.stop() == 0)
  }

  @Test func `a promotion by force needs a reason, and the journal keeps it`() async throws {
    let service = try await start()
    let silent = try await service.rollout("promote", "assistant", "--force")
    #expect(silent.status != 0)
    let forced = try await service.rollout(
      "promote", "assistant", "--force", "--reason", "the incumbent is on fire")
    #expect(forced.status == 0, "\(forced.output)\(forced.errors)")
    let history = try await service.rollout("history", "assistant")
    #expect(history.output.contains("the incumbent is on fire"))
    #expect(try await service.stop() == 0)
  }

  private func samples(_ status: [String: Any]) -> Int {
    let gates = status["gates"] as? [[String: Any]] ?? []
    return gates.compactMap { $0["samples"] as? Int }.max() ?? 0
  }
}
