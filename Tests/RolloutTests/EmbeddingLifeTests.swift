import Foundation
import Testing

/// One service's embeddings decide a gate of another, with real processes, sockets and weights.
@Suite(.serialized) struct EmbeddingLifeTests {
  @Test func `a gate on embeddings is decided by another service's model`() async throws {
    let folder = try TemporaryFolder()
    let weights = try Program.weights()
    let models = weights.deletingLastPathComponent()
    let other = try await RunningService(
      data: folder.url.appendingPathComponent("other"),
      policies: try TestPolicies.write(into: folder, weights: weights), models: models,
      log: folder)
    try folder.write(
      """
      apiVersion: rollout/v1
      kind: Model
      name: vectors
      upstream: { url: \(other.endpoint), model: dense }

      """, to: "policies/vectors.yaml")
    try folder.write(
      """
      apiVersion: rollout/v1
      kind: Rollout
      name: assistant
      route: assistant
      incumbent: dense
      candidates: [flash]
      assignment: { unit: user, salt: test-1 }
      embeddings: { model: vectors, concurrency: 4 }
      steps:
        - shadow: { percent: 100, concurrency: 2 }
          hold: { minSamples: 6, minTime: 0s, maxTime: 1h }
      metrics:
        - { name: alike, metric: embeddingSimilarity, role: guardrail, maxDecrease: 40pp }
      analysis: { alpha: 0.2, every: 100ms }
      promotion: manual

      """, to: "policies/assistant.yaml")
    let service = try await RunningService(
      data: folder.url.appendingPathComponent("data"),
      policies: folder.url.appendingPathComponent("policies"), models: models, log: folder)
    let traffic = try folder.write(TestPolicies.traffic(16), to: "traffic.jsonl")
    #expect(try await service.rollout("replay", traffic.path).status == 0)
    // Both variants give the same greedy answers, which are wholly alike.
    try await service.wait(for: "assistant") { $0["step"] as? Int == 1 }
    #expect(try await other.metric("rollout_embedding_requests_total") >= 6)
    #expect(try await service.metric("rollout_embedding_pairs_total") >= 6)
    #expect(try await service.stop() == 0)
    #expect(try await other.stop() == 0)
  }
}
