import Foundation
import TestPeers
import Testing

/// Interleaved streams of the running service, read by OpenAI's own Python client.
@Suite struct InterleavedClientTests {
  /// Three tokens; `flash` breaks after the first where the question says so.
  private static func speak(_ request: ScriptedRequest) -> [ScriptedServer.Step] {
    let isFlash = request.body.contains("up/flash")
    let name = isFlash ? "flash" : "dense"
    guard isFlash, request.body.contains("Break.") else {
      return ScriptedAnswer.stream([name, " one", " two"], pause: .milliseconds(5))
    }
    return [
      ScriptedAnswer.streamHead, ScriptedAnswer.token(name), ScriptedAnswer.token(" one"), .reset,
    ]
  }

  private func write(_ folder: TemporaryFolder, port: Int) throws -> URL {
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
        - interleave: { choices: 2 }
          hold: { minSamples: 1000, maxTime: 1h }
      metrics:
        - { name: preferred, metric: preference, role: goal, minIncrease: 0pp }
      analysis: { alpha: 0.05, every: 1s }
      promotion: manual

      """, to: "policies/assistant.yaml")
    return folder.url.appendingPathComponent("policies")
  }

  @Test func `the official client reads choices of two models from one stream`() async throws {
    try await ScriptedServer.run(Self.speak) { server in
      let folder = try TemporaryFolder()
      let service = try await RunningService(
        data: folder.url.appendingPathComponent("data"),
        policies: try write(folder, port: server.port), models: folder.url, log: folder)
      let environment = ProcessInfo.processInfo.environment
      let python = URL(
        fileURLWithPath: environment["ROLLOUT_PYTHON"]
          ?? Program.root.appendingPathComponent(".venv/bin/python").path)
      let script = Program.root.appendingPathComponent("Tests/RolloutTests/openai_interleaved.py")
      let result = try await Program.run(
        python, [script.path], environment: ["OPENAI_BASE_URL": service.endpoint], seconds: 120)
      #expect(result.status == 0, "\(result.output)\(result.errors)")
      // Twelve thumbs for what each wrote, wherever it stood, and one beside flash's broken answer.
      let export = try await service.rollout("export", "assistant", "--kind", "feedback")
      let raters = export.output.split(separator: "\n").map { line in
        ["flash", "dense"].first { line.contains(#""model":"\#($0)""#) }
      }
      #expect(
        raters.count { $0 == "flash" } == 12 && raters.count { $0 == "dense" } == 13, "\(export)")
      #expect(try await service.stop() == 0)
    }
  }
}
