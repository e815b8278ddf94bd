import Foundation
import Testing

/// What users say, from the command line to the gate of a running service and its export.
@Suite(.serialized) struct FeedbackLifeTests {
  let folder: TemporaryFolder
  let weights: URL
  let policies: URL

  init() throws {
    folder = try TemporaryFolder()
    weights = try Program.weights()
    policies = try TestPolicies.write(
      into: folder, weights: weights,
      steps: """
          - canary: { weight: 50% }
            hold: { minSamples: 100, maxTime: 2h }
        """)
    let file = policies.appendingPathComponent("assistant.yaml")
    let text = try String(contentsOf: file, encoding: .utf8)
    try text.replacingOccurrences(
      of: "metrics:",
      with: "metrics:\n  - { name: thumbs, metric: feedback, role: guardrail, maxDecrease: 10pp }"
    ).write(to: file, atomically: true, encoding: .utf8)
  }

  private var data: URL { folder.url.appendingPathComponent("data") }

  private func start() async throws -> RunningService {
    try await RunningService(
      data: data, policies: policies, models: weights.deletingLastPathComponent(), log: folder,
      extra: ["--feedback-window", "20"])
  }

  /// Asks as `user`, and returns the request's name.
  private func ask(_ user: String, _ service: RunningService) async throws -> String {
    let answer = try await service.rollout(
      "ask", "Say yes.", "--temperature", "0", "--max-tokens", "1", "--verbose", "--user", user)
    let name = answer.errors.firstMatch(of: /request (req-[0-9a-f]+)/)
    return String(try #require(name, "\(answer.errors)").output.1)
  }

  private func samples(_ status: [String: Any]) -> Int {
    let gates = status["gates"] as? [[String: Any]] ?? []
    return gates.first { $0["gate"] as? String == "thumbs" }?["samples"] as? Int ?? 0
  }

  @Test func `a thumb reaches the gate and the export, and is known after a kill`() async throws {
    let first = try await start()
    var requests: [String] = []
    for number in 0..<12 {
      let request = try await ask("user-\(number)", first)
      let said = try await first.rollout("feedback", request, "--value", "0.5")
      #expect(said.status == 0, "\(said.errors)")
      #expect(said.output.hasPrefix("recorded: feedback 0.5 on \(request)"), "\(said.output)")
      requests.append(request)
    }
    try await first.wait(for: "assistant") { samples($0) > 0 }
    let status = try await first.rollout("status", "assistant")
    #expect(status.output.contains("said something"), "\(status.output)")
    let again = try await first.rollout("feedback", requests[11], "--value", "0.5")
    #expect(again.output.hasPrefix("unchanged:"), "\(again.output)")
    let unknown = try await first.rollout("feedback", "req-nobody", "--up")
    #expect(unknown.status == 3)
    first.kill()

    let key = data.appendingPathComponent("feedback.key").path
    let attributes = try FileManager.default.attributesOfItem(atPath: key)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let second = try await start()
    try await second.wait(for: "assistant") { samples($0) > 0 }
    let export = try await second.rollout("export", "assistant", "--kind", "feedback")
    let lines = export.output.split(separator: "\n")
    #expect(lines.count == 12)
    for (line, request) in zip(lines, requests) {
      #expect(line.contains(#""request_id":"\#(request)""#))
    }
    #expect(try await second.stop() == 0)
  }
}
