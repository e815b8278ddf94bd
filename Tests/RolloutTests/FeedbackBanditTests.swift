import Foundation
import TestPeers
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A bandit that tells requests apart and is rewarded by what users say, through the running
/// service: its gateway, its store, its controller.
@Suite(.serialized) struct FeedbackBanditTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func policies(port: Int) throws -> URL {
    for name in ["dense", "flash"] {
      try folder.write(
        """
        apiVersion: rollout/v1
        kind: Model
        name: \(name)
        upstream: { url: "http://127.0.0.1:\(port)/v1", model: up/\(name) }

        """, to: "policies/\(name).yaml")
    }
    try folder.write(
      """
      apiVersion: rollout/v1
      kind: Rollout
      name: assistant
      route: assistant
      incumbent: dense
      candidates: [flash]
      assignment: { unit: request }
      steps:
        - bandit:
            reward: feedback
            algorithm: linearThompson
            context: ["tier=gold"]
            minProb: 10%
            updateEvery: 10s
          hold: { minSamples: 100000, maxTime: 2h }
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 40pp, onFail: rollBack }
      analysis: { alpha: 0.05, every: 200ms }
      promotion: manual

      """, to: "policies/assistant.yaml")
    return folder.url.appendingPathComponent("policies")
  }

  private func start(_ policies: URL) async throws -> RunningService {
    try await RunningService(
      data: folder.url.appendingPathComponent("data"), policies: policies, models: folder.url,
      log: folder, extra: ["--feedback-window", "1"])
  }

  private func post(
    _ path: String, _ body: String, _ service: RunningService
  ) async throws -> HTTPURLResponse {
    var request = URLRequest(url: try #require(URL(string: service.endpoint + path)))
    request.httpMethod = "POST"
    request.setValue("application/json", forHTTPHeaderField: "content-type")
    request.httpBody = Data(body.utf8)
    let (data, response) = try await URLSession.shared.data(for: request)
    let answer = try #require(response as? HTTPURLResponse)
    try #require(answer.statusCode < 300, "\(String(decoding: data, as: UTF8.self))")
    return answer
  }

  private func ask(_ tier: String, _ service: RunningService) async throws -> HTTPURLResponse {
    try await post(
      "/chat/completions",
      #"{"model":"assistant","messages":[{"role":"user","content":"Hi"}],"#
        + #""metadata":{"tier":"\#(tier)"}}"#, service)
  }

  /// Asks, and says that gold customers like `flash` and all others `dense`.
  private func askAndRate(_ tier: String, _ service: RunningService) async throws {
    let answer = try await ask(tier, service)
    let model = answer.value(forHTTPHeaderField: "x-rollout-model")
    let token = try #require(answer.value(forHTTPHeaderField: "x-rollout-feedback-token"))
    let isLiked = (tier == "gold") == (model == "flash")
    _ = try await post(
      "/feedback", #"{"token":"\#(token)","thumbs":"\#(isLiked ? "up" : "down")"}"#, service)
  }

  private func cells(_ status: [String: Any]) -> [[String: Any]] {
    let allocations = status["allocations"] as? [[String: Any]] ?? []
    return allocations.last?["cells"] as? [[String: Any]] ?? []
  }

  private func rewards(_ status: [String: Any]) -> Int {
    cells(status).reduce(0) { $0 + ($1["rewards"] as? Int ?? 0) }
  }

  @Test func `what users say moves each kind of request to the model that they like there`()
    async throws
  {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["Hello."])
    } _: { server in
      let policies = try policies(port: server.port)
      let first = try await start(policies)
      // In turn: over all requests neither is better, so that none of them is named.
      for number in 0..<80 {
        try await askAndRate(number.isMultiple(of: 2) ? "gold" : "tin", first)
      }
      try await first.wait(for: "assistant") { rewards($0) == 80 }
      let known = cells(try await first.status("assistant"))
      #expect(known.map { $0["name"] as? String } == ["tier=gold", "tier other"])
      #expect(known.map { $0["rewards"] as? Int } == [40, 40])
      let best = known.map { $0["bestProbabilities"] as? [Double] ?? [] }
      #expect(best[0].count == 2 && best[0][1] > 0.99 && best[1][0] > 0.99)
      let text = try await first.rollout("status", "assistant")
      #expect(text.output.contains("PROOF is how far the tests"), "\(text.output)")
      #expect(text.output.contains("INTERVAL is of the plain means"), "\(text.output)")
      // Killed, it goes on with the tables that it had written down.
      first.kill()
      let second = try await start(policies)
      try await second.wait(for: "assistant") { rewards($0) == 80 }
      var flash = ["gold": 0, "tin": 0]
      for number in 0..<80 {
        let tier = number < 40 ? "gold" : "tin"
        let model = try await ask(tier, second).value(forHTTPHeaderField: "x-rollout-model")
        if model == "flash" { flash[tier, default: 0] += 1 }
      }
      // Nine tenths of 40 are expected, or one: seven standard errors and more.
      #expect(flash["gold", default: 0] > 22 && flash["tin", default: 0] < 18, "\(flash)")
      #expect(try await second.stop() == 0)
    }
  }
}
