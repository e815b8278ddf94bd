import Foundation
import Testing

/// `rollout audit verify` and `rollout export`, of a running service and of a folder.
@Suite(.serialized) struct AuditAndExportTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `a journal is verified and outcomes are exported, running or not`() async throws {
    let weights = try Program.weights()
    let policies = try TestPolicies.write(into: folder, weights: weights)
    let data = folder.url.appendingPathComponent("data")
    let service = try await RunningService(
      data: data, policies: policies, models: weights.deletingLastPathComponent(), log: folder)
    let requests = try folder.write(TestPolicies.traffic(3), to: "requests.jsonl")
    let replay = try await service.rollout("replay", requests.path)
    #expect(replay.status == 0, "\(replay.errors)")
    // What was answered is stored with the next flush.
    try await service.wait(for: "assistant") { status in
      let lines = status["comparison"] as? [[String: Any]] ?? []
      return lines.contains { $0["model"] as? String == "dense" && $0["answers"] as? Int == 3 }
    }
    let whole = try await service.rollout("audit", "verify")
    #expect(whole.status == 0, "\(whole.output)\(whole.errors)")
    #expect(whole.output.contains("the journal is whole: 3 entries"), "\(whole.output)")
    let csv = folder.url.appendingPathComponent("outcomes.csv").path
    let export = try await service.rollout(
      "export", "assistant", "--format", "csv", "--output", csv)
    #expect(export.status == 0, "\(export.errors)")
    let lines = try String(contentsOfFile: csv, encoding: .utf8).components(separatedBy: "\r\n")
    #expect(lines.count == 5 && lines[0].hasPrefix("sequence,request_id,"), "\(lines)")
    // Its reader is gone before the first line, as `head` is after its last.
    let unheard = try await Program.run(
      URL(fileURLWithPath: "/bin/sh"),
      [
        "-c", #"{ sleep 1; "$0" export assistant; echo "ends with $?" >&2; } | true"#,
        try Program.executable().path,
      ], environment: ["ROLLOUT_SERVER": service.control])
    #expect(unheard.errors == "ends with 0\n")
    let busy = try await service.rollout("audit", "verify", "--data", data.path)
    #expect(busy.status == 5)
    #expect(busy.errors.contains("in use by process"), "\(busy.errors)")
    #expect(try await service.stop() == 0)

    let offline = try await Program.run(["export", "assistant", "--data", data.path])
    #expect(offline.status == 0, "\(offline.errors)")
    #expect(offline.output.split(separator: "\n").count == 3)
    #expect(offline.output.contains("\"revision\":\""), "\(offline.output)")
    let unread = try await Program.run(
      URL(fileURLWithPath: "/bin/sh"),
      [
        "-c", #"{ sleep 1; "$0" export assistant --data "$1"; echo "ends with $?" >&2; } | true"#,
        try Program.executable().path, data.path,
      ], environment: [:])
    #expect(unread.errors == "ends with 0\n")
    let anchor = data.appendingPathComponent("control.anchor")
    let known = try String(contentsOf: anchor, encoding: .utf8)
    let verified = try await Program.run(["audit", "verify", "--data", data.path])
    #expect(verified.status == 0, "\(verified.output)\(verified.errors)")
    // An anchor that knows of more is what an older copy of the journal meets.
    let later = known.replacingOccurrences(of: "rollout-anchor-1 3 ", with: "rollout-anchor-1 4 ")
    try later.write(to: anchor, atomically: true, encoding: .utf8)
    let found = try await Program.run(["audit", "verify", "--data", data.path])
    #expect(found.status == 1)
    #expect(found.errors.contains("older copy"), "\(found.errors)")
  }
}
