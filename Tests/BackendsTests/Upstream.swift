import Backends
import Experimentation
import TestPeers

/// A real backend in front of a scripted server.
struct Upstream: Sendable {
  let server: ScriptedServer
  let backend: UpstreamBackend

  /// Short enough for tests, and far from each other, so that a test sees which one it was.
  static let timeouts = UpstreamTimeouts(
    connectSeconds: 1, firstTokenSeconds: 10, idleSeconds: 5, totalSeconds: 20)

  static func run(
    timeouts: UpstreamTimeouts = timeouts, keyVariable: String? = nil,
    environment: [String: String] = [:], scoring: ScoringSpecification? = nil,
    _ script: @escaping ScriptedServer.Script,
    _ body: @escaping @Sendable (Upstream) async throws -> Void
  ) async throws {
    try await ScriptedServer.run(script) { server in
      let backend = try UpstreamBackend(
        model: modelName("candidate"),
        specification: UpstreamSpecification(
          url: "http://127.0.0.1:\(server.port)/v1", model: "org/the-real-name",
          apiKeyEnvironment: keyVariable, timeouts: timeouts, scoring: scoring),
        environment: { environment[$0] })
      try await body(Upstream(server: server, backend: backend))
    }
  }
}
