import Foundation
import Testing

/// What keeps the service from serving ends it before it serves, with a word on how to mend it.
@Suite(.serialized) struct StartTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  func serve(_ extra: String..., models: URL? = nil) async throws -> Program.Result {
    let models = try models ?? Program.weights().deletingLastPathComponent()
    return try await Program.run(
      [
        "serve", "--data", folder.url.appendingPathComponent("data").path, "--models", models.path,
      ] + extra, seconds: 30)
  }

  @Test func `a port in use`() async throws {
    let weights = try Program.weights()
    let policies = try TestPolicies.write(into: folder, weights: weights)
    let running = try await RunningService(
      data: folder.url.appendingPathComponent("other"), policies: policies,
      models: weights.deletingLastPathComponent(), log: folder)
    let port = try #require(
      running.endpoint.split(separator: ":").last?.split(separator: "/").first)
    let result = try await serve("--port", String(port), "--control-port", "0")
    #expect(result.status == 5)
    #expect(result.errors.contains("in use"), "\(result.errors)")
    #expect(result.errors.contains("--port"))
  }

  @Test func `a data folder that another process owns`() async throws {
    let weights = try Program.weights()
    let policies = try TestPolicies.write(into: folder, weights: weights)
    let running = try await RunningService(
      data: folder.url.appendingPathComponent("data"), policies: policies,
      models: weights.deletingLastPathComponent(), log: folder)
    let result = try await serve("--port", "0", "--control-port", "0")
    #expect(result.status == 5, "\(result.output)\(result.errors)")
    #expect(result.errors.contains("process"), "\(result.errors)")
    #expect(try await running.stop() == 0)
  }

  @Test func `missing weights`() async throws {
    let policies = try TestPolicies.write(into: folder, weights: Program.weights())
    let result = try await serve("--policies", policies.path, models: folder.url)
    #expect(result.status == 1)
    #expect(result.errors.contains("make model"), "\(result.errors)")
  }

  @Test func `weights that are cut short`() async throws {
    let weights = try Program.weights()
    let policies = try TestPolicies.write(into: folder, weights: weights)
    let handle = try FileHandle(forReadingFrom: weights)
    let half = try #require(try handle.read(upToCount: 40 << 20))
    try half.write(to: folder.url.appendingPathComponent(weights.lastPathComponent))
    let result = try await serve("--policies", policies.path, models: folder.url)
    #expect(result.status == 1)
    #expect(result.errors.contains(weights.lastPathComponent), "\(result.errors)")
  }

  @Test func `policies that are not there`() async throws {
    let result = try await serve("--policies", folder.url.path + "/nowhere")
    #expect(result.status == 2)
    #expect(result.errors.contains("there is no such file"), "\(result.errors)")
  }

  @Test func `policies with mistakes`() async throws {
    let policies = try TestPolicies.write(into: folder, weights: Program.weights())
    try folder.write("apiVersion: rollout/v1\nkind: Modle\n", to: "policies/bad.yaml")
    let result = try await serve("--policies", policies.path)
    #expect(result.status == 1)
    #expect(result.errors.contains("bad.yaml:2:"), "\(result.errors)")
  }

  @Test func `a file that is no database`() async throws {
    try folder.write("not a database, and long enough to be looked at\n", to: "data/control.sqlite")
    let result = try await serve()
    #expect(result.status == 5)
    #expect(result.errors.contains("control.sqlite"), "\(result.errors)")
  }
}
