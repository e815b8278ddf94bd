import Foundation
import Testing

/// The service ended by SIGKILL at random moments under load; `make crash-loop` does it 200 times.
@Suite(.serialized) struct CrashLoopTests {
  @Test(arguments: [1])
  func `killed five times, it has forgotten nothing that it acknowledged`(seed: Int) async throws {
    let script = Program.root.appendingPathComponent("scripts/crash_loop.py").path
    let result = try await Program.run(
      URL(fileURLWithPath: "/usr/bin/env"),
      [
        "python3", script, "--rollout", try Program.executable().path, "--rounds", "5",
        "--seconds", "1", "--seed", "\(seed)",
      ], environment: [:], seconds: 120)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.output.contains("5 kills"), "\(result.output)")
  }
}
