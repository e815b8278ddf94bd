import Foundation
import Testing

/// Two services: one runs variants and scores text, the other judges a rollout between them by what
/// the first tells over the network.
@Suite(.serialized) struct ScoringUpstreamTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let metrics = """
    metrics:
      - { name: far, metric: klDivergence, role: signal, margin: 0.5 }
      - { name: perplexed, metric: answerPerplexity, role: signal, maxIncrease: 50% }
      - { name: fidelity, metric: tokenAgreement, role: signal, margin: 0.5 }
    """

  private static let rollout = """
    apiVersion: rollout/v1
    kind: Rollout
    name: assistant
    route: assistant
    incumbent: dense
    candidates: [narrow]
    assignment: { unit: user, salt: test-1 }
    steps:
      - shadow: { percent: 100 }
        hold: { minSamples: 100, minTime: 1h, maxTime: 2h }
    \(metrics)
    promotion: manual

    """

  /// The service that has the weights, and compares whole distributions of its own rollout.
  private func start(_ name: String, _ weights: URL, models: [String: String]) async throws
    -> RunningService
  {
    for (model, body) in models {
      try folder.write(
        "apiVersion: rollout/v1\nkind: Model\nname: \(model)\n\(body)\n",
        to: "\(name)/\(model).yaml")
    }
    try folder.write(Self.rollout, to: "\(name)/assistant.yaml")
    return try await RunningService(
      data: folder.url.appendingPathComponent("\(name)-data"),
      policies: folder.url.appendingPathComponent(name),
      models: weights.deletingLastPathComponent(), log: folder)
  }

  /// The pairs that a service compared, by the request's number.
  private func pairs(of service: RunningService) async throws -> [[String: Any]] {
    let requests = try folder.write(TestPolicies.traffic(6), to: "requests.jsonl")
    let replay = try await service.rollout("replay", requests.path)
    #expect(replay.status == 0, "\(replay.errors)")
    var pairs: [[String: Any]] = []
    let deadline = ContinuousClock.now + .seconds(60)
    while pairs.count < 6, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(200))
      let export = try await service.rollout("export", "assistant", "--kind", "comparisons")
      pairs = try export.output.split(separator: "\n").compactMap {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }
    }
    let log = try service.logText
    #expect(pairs.count == 6, "\(log)")
    return pairs
  }

  private func scores(of pair: [String: Any]) throws -> [String: Double] {
    let text = try #require(pair["scores"] as? String, "\(pair)")
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
    return try #require(object as? [String: Double])
  }

  @Test func `what a service tells of texts is what it knows, and the bound is one`() async throws {
    let weights = try Program.weights()
    let file = weights.lastPathComponent
    let far = try await start(
      "far", weights,
      models: [
        "dense": "engine: { weights: \(file), attention: { kind: dense }, context: 2048 }",
        "narrow": "engine: { weights: \(file), attention: { kind: slidingWindow, window: 16 }, "
          + "context: 2048 }",
      ])
    let near = try await start(
      "near", weights,
      models: Dictionary(
        uniqueKeysWithValues: ["dense", "narrow"].map {
          ($0, "upstream: { url: \"\(far.endpoint)\", model: \($0), scoring: { logprobs: 20 } }")
        }))
    let exact = try await pairs(of: far)
    let told = try await pairs(of: near)
    var (bounds, truths) = (0.0, 0.0)
    // Both answer the requests in their order, greedily: pair by pair the same text.
    for (exact, told) in zip(exact, told) {
      let (exactScores, toldScores) = (try scores(of: exact), try scores(of: told))
      let bound = try #require(toldScores["klDivergence"], "\(told)")
      let truth = try #require(exactScores["klDivergence"], "\(exact)")
      // Sums in another order, and logarithms rounded to single precision on the way.
      #expect(bound <= truth + 1e-4)
      bounds += bound
      truths += truth
      let ratio = try #require(toldScores["answerPerplexity"])
      let exactRatio = try #require(exactScores["answerPerplexity"])
      #expect(abs(log(ratio / exactRatio)) < 1e-3)
      let agreement = try #require(told["token_agreement"] as? Double)
      #expect(agreement == exact["token_agreement"] as? Double)
    }
    #expect(truths > 0.1 && bounds / truths > 0.2, "\(bounds) of \(truths)")
    let status = try await near.rollout("status", "assistant")
    #expect(status.output.contains("lower bound"), "\(status.output)")
    #expect(try await near.stop() == 0)
    #expect(try await far.stop() == 0)
  }
}
