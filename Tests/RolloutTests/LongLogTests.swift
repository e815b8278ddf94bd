import Foundation
import Testing

/// A start after a write-ahead log of 1 GiB was left behind, as by a crash in the middle of much.
@Suite(.serialized) struct LongLogTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `the service comes back with everything, and the log gets short again`() async throws {
    let weights = try Program.weights()
    let data = folder.url.appendingPathComponent("data")
    let models = weights.deletingLastPathComponent()
    let first = try await RunningService(
      data: data, policies: try TestPolicies.write(into: folder, weights: weights), models: models,
      log: folder)
    let paused = try await first.rollout("pause", "assistant", "--reason", "before")
    #expect(paused.status == 0, "\(paused.errors)")
    first.kill()

    let journal = data.appendingPathComponent("control.sqlite")
    let filled = try await Program.run(
      URL(fileURLWithPath: "/usr/bin/env"), ["python3", "-c", Self.script, journal.path],
      environment: [:])
    try #require(filled.status == 0, "\(filled.errors)")
    let log = URL(fileURLWithPath: journal.path + "-wal")
    try #require(try Self.size(of: log) >= 1 << 30)

    // From the journal alone: nobody names policies.
    let again = try await RunningService(data: data, policies: nil, models: models, log: folder)
    let asked = try await again.rollout("ask", "Hello", "--max-tokens", "2")
    #expect(asked.status == 0, "\(asked.errors)")
    #expect(try await again.status("assistant")["status"] as? String == "paused")
    let audit = try await again.rollout("audit", "verify")
    #expect(audit.output.contains("whole: 4 entries"), "\(audit.output)\(audit.errors)")
    #expect(try await again.stop() == 0)
    #expect(try Self.size(of: log) < 1 << 20)
  }

  /// Leaves a log of 1 GiB behind, and in it nothing that stays.
  private static let script = """
    import os, sqlite3, sys
    path = sys.argv[1]
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("CREATE TABLE pad (bytes)")
    rows = 0
    while os.path.getsize(path + "-wal") < 1 << 30:
        db.execute("INSERT INTO pad VALUES (randomblob(1048576))")
        rows += 1
        if rows % 32 == 0:
            db.execute("DELETE FROM pad")
    db.execute("DROP TABLE pad")
    os._exit(0)
    """

  private static func size(of file: URL) throws -> Int {
    guard FileManager.default.fileExists(atPath: file.path) else { return 0 }
    return try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int ?? 0
  }
}
