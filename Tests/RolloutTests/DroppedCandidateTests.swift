import Foundation
import Testing

/// Two candidates with real processes, sockets, weights and files, of which one cannot answer.
@Suite(.serialized) struct DroppedCandidateTests {
  let folder: TemporaryFolder
  let weights: URL
  let policies: URL

  init() throws {
    folder = try TemporaryFolder()
    weights = try Program.weights()
    policies = try TestPolicies.write(
      into: folder, weights: weights, candidate: "flash, nobody", onFail: "drop")
    // Nobody listens on the discard port of this machine.
    try folder.write(
      """
      apiVersion: rollout/v1
      kind: Model
      name: nobody
      upstream: { url: "http://127.0.0.1:9/v1", model: nobody }

      """, to: "policies/nobody.yaml")
  }

  private func start() async throws -> RunningService {
    try await RunningService(
      data: folder.url.appendingPathComponent("data"), policies: policies,
      models: weights.deletingLastPathComponent(), log: folder)
  }

  private func replay(_ count: Int, on service: RunningService) async throws {
    let traffic = try folder.write(TestPolicies.traffic(count), to: "traffic.jsonl")
    let result = try await service.rollout("replay", traffic.path)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }

  private func dropped(_ status: [String: Any]) -> [[String: Any]] {
    status["dropped"] as? [[String: Any]] ?? []
  }

  @Test func `a candidate that errs is dropped, stays so after a kill, and the other is promoted`()
    async throws
  {
    let first = try await start()
    try await replay(24, on: first)
    try await first.wait(for: "assistant") { dropped($0).count == 1 }
    first.kill()

    let service = try await start()
    let status = try await service.rollout("status", "assistant")
    #expect(status.output.contains("Dropped"))
    #expect(status.output.contains("nobody, in step 1: gate 'errors' of 'nobody': fails"))
    #expect(!status.output.contains("nobody  100%  shadow"))

    try await replay(24, on: service)
    try await service.wait(for: "assistant") { $0["step"] as? Int == 1 }
    let edited = try TemporaryFolder()
    let without = try TestPolicies.write(
      into: edited, weights: weights, candidate: "flash", onFail: "drop")
    let plan = try await service.rollout("plan", without.path)
    withExtendedLifetime(edited) {}
    #expect(
      plan.output.contains("'nobody' has left it in step 1: gate 'errors' of 'nobody': fails"),
      "\(plan.output)\(plan.errors)")
    let gone = try await service.rollout(
      "promote", "assistant", "--model", "nobody", "--force", "--reason", "it was my idea")
    #expect(gone.status == 1)
    #expect(gone.errors.contains("'nobody' has left rollout"), "\(gone.errors)")
    let promotion = try await service.rollout(
      "promote", "assistant", "--model", "flash", "--reason", "its gates hold")
    #expect(promotion.status == 0, "\(promotion.output)\(promotion.errors)")
    let history = try await service.rollout("history", "assistant")
    #expect(history.output.contains("candidate dropped"))
    #expect(history.output.contains("model nobody, gate errors"))
    #expect(try await service.stop() == 0)
  }
}
