import Foundation
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// `rollout backup` of a service that decides and serves meanwhile, and a service that starts with
/// what it made.
@Suite(.serialized) struct BackupCommandTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `a copy made under load serves, at a generation that the service had`() async throws {
    let weights = try Program.weights()
    let models = weights.deletingLastPathComponent()
    let policies = try TestPolicies.write(into: folder, weights: weights)
    let service = try await RunningService(
      data: folder.url.appendingPathComponent("data"), policies: policies, models: models,
      log: folder)
    let requests = try folder.write(TestPolicies.traffic(4), to: "requests.jsonl")
    let copy = folder.url.appendingPathComponent("backups/today").path
    let control = service.control
    let written = try await withThrowingTaskGroup(of: Int.self) { group in
      group.addTask { try await Self.pauseAndResume(150, control) }
      group.addTask {
        let replay = try await service.rollout("replay", requests.path)
        #expect(replay.status == 0, "\(replay.errors)")
        let backup = try await service.rollout("backup", copy)
        #expect(backup.status == 0, "\(backup.errors)")
        #expect(backup.output.hasPrefix("copied and verified: "), "\(backup.output)")
        return 0
      }
      return try await group.reduce(0, +)
    }
    #expect(written == 300)
    let again = try await service.rollout("backup", copy)
    #expect(again.status == 2)
    #expect(again.errors.contains("is there already"), "\(again.errors)")
    let live = try await generation(service)
    #expect(try await service.stop() == 0)

    let verified = try await Program.run(["audit", "verify", "--data", copy])
    #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    let restored = try await RunningService(
      data: URL(fileURLWithPath: copy), policies: nil, models: models, log: folder)
    #expect((3...live).contains(try await generation(restored)))
    let asked = try await restored.rollout("ask", "Hello", "--max-tokens", "2")
    #expect(asked.status == 0, "\(asked.errors)")
    #expect(try await restored.stop() == 0)
    // Nothing but the copy is left.
    let left = try FileManager.default.contentsOfDirectory(
      atPath: folder.url.appendingPathComponent("backups").path)
    #expect(left == ["today"])
  }

  private func generation(_ service: RunningService) async throws -> Int {
    try #require(try await service.status("assistant")["generation"] as? Int)
  }

  /// - Returns: how many commands were carried out
  private static func pauseAndResume(_ count: Int, _ control: String) async throws -> Int {
    var done = 0
    for _ in 0..<count {
      for action in ["pause", "resume"] {
        var request = URLRequest(
          url: try #require(URL(string: "\(control)/api/v1/rollouts/assistant/\(action)")))
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "content-type")
        request.httpBody = Data(#"{"actor":"a test"}"#.utf8)
        let (_, response) = try await URLSession.shared.data(for: request)
        done += (response as? HTTPURLResponse)?.statusCode == 200 ? 1 : 0
      }
    }
    return done
  }

  @Test func `of two copies of one name one gets it, and a folder of others is let alone`()
    async throws
  {
    let weights = try Program.weights()
    let service = try await RunningService(
      data: folder.url.appendingPathComponent("data"),
      policies: try TestPolicies.write(into: folder, weights: weights),
      models: weights.deletingLastPathComponent(), log: folder)
    try folder.write("precious", to: "copy.part/thesis.txt")
    let copy = folder.url.appendingPathComponent("copy").path
    let statuses = try await withThrowingTaskGroup(of: Int32.self) { group in
      for _ in 0..<4 {
        group.addTask { try await service.rollout("backup", copy + "/").status }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses.count { $0 == 0 } == 1, "\(statuses)")
    let verified = try await Program.run(["audit", "verify", "--data", copy])
    #expect(verified.output.contains("whole: 3 entries"), "\(verified.output)\(verified.errors)")
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    #expect(left.filter { $0.hasPrefix("copy") }.sorted() == ["copy", "copy.part"])
    let kept = folder.url.appendingPathComponent("copy.part/thesis.txt")
    #expect(try String(contentsOf: kept, encoding: .utf8) == "precious")
  }

  @Test func `a copy that cannot be had leaves nothing behind`() async throws {
    let copy = folder.url.appendingPathComponent("copy").path
    let absent = try await Program.run(["backup", copy, "--server", "http://127.0.0.1:9"])
    #expect(absent.status == 4, "\(absent.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path) == [])
  }
}
