import Foundation
import Testing

/// The service on a volume that is full, which here is a limit on the size of its files: the log
/// has reached it, the journal soon does.
@Suite(.serialized) struct FullDiskTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/prlimit")))
  func `a full log costs lines, a full journal refuses decisions, and answers go on`() async throws
  {
    let weights = try Program.weights()
    let policies = try TestPolicies.write(into: folder, weights: weights)
    let log = try folder.write(String(repeating: "x", count: 1 << 20), to: "full.log")
    // In blocks of 512 bytes or of 1024, as the shell has it; new files of the store need less.
    let service = try await RunningService(
      data: folder.url.appendingPathComponent("data"), policies: policies,
      models: weights.deletingLastPathComponent(), log: folder,
      shell: "trap '' XFSZ; ulimit -S -f 1024; exec \"$@\" 2>>'\(log.path)'")

    // Each decision is another page or more of the journal's log.
    var acknowledged = 0
    var refused = ""
    while refused.isEmpty {
      try #require(acknowledged < 2_000, "the journal never got full")
      let action = acknowledged.isMultiple(of: 2) ? "pause" : "resume"
      let result = try await service.rollout(action, "assistant", "--reason", "round and round")
      if result.status == 0 { acknowledged += 1 } else { refused = result.errors }
    }
    #expect(refused.contains("the journal is not available"), "\(refused)")
    #expect(acknowledged > 3)
    let asked = try await service.rollout("ask", "Hello", "--max-tokens", "2")
    #expect(asked.status == 0, "\(asked.errors)")
    #expect(try await service.metric("rollout_log_lines_dropped_total") > 0)

    // Room again: what was acknowledged is there, and nothing else.
    let limit = try await Program.run(
      URL(fileURLWithPath: "/usr/bin/prlimit"),
      ["--pid", "\(service.processIdentifier)", "--fsize=unlimited"], environment: [:])
    try #require(limit.status == 0, "\(limit.errors)")
    let action = acknowledged.isMultiple(of: 2) ? "pause" : "resume"
    let next = try await service.rollout(action, "assistant", "--reason", "room again")
    #expect(next.status == 0, "\(next.errors)")
    let audit = try await service.rollout("audit", "verify")
    #expect(audit.output.contains("whole: \(3 + acknowledged + 1) entries"), "\(audit.output)")
    #expect(try await service.stop() == 0)
  }
}
