import Foundation
import Testing

/// OpenAI's own Python client, unchanged, against the service.
@Suite struct OpenAIClientTests {
  @Test func `the official client works as it does elsewhere`() async throws {
    let folder = try TemporaryFolder()
    let weights = try Program.weights()
    let policies = try TestPolicies.write(into: folder, weights: weights)
    let service = try await RunningService(
      data: folder.url.appendingPathComponent("data"), policies: policies,
      models: weights.deletingLastPathComponent(), log: folder)
    let environment = ProcessInfo.processInfo.environment
    let python = URL(
      fileURLWithPath: environment["ROLLOUT_PYTHON"]
        ?? Program.root.appendingPathComponent(".venv/bin/python").path)
    try #require(
      FileManager.default.isExecutableFile(atPath: python.path),
      "there is no Python with the OpenAI client at \(python.path): run `make test`")
    let script = Program.root.appendingPathComponent("Tests/RolloutTests/openai_client.py")
    let result = try await Program.run(
      python, [script.path], environment: ["OPENAI_BASE_URL": service.endpoint], seconds: 240)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(try await service.stop() == 0)
  }
}
