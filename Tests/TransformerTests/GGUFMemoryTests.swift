#if canImport(Glibc)
  import Foundation
  import Testing

  @testable import Transformer

  /// What refusing costs.
  struct `Refusing a file` {
    /// The most memory in use at once while each lie is told, beyond what was in use before.
    ///
    /// Other tests may run meanwhile, so that the least of several attempts counts.
    @Test(.timeLimit(.minutes(1)))
    func `takes less than 1 MB, whatever it claims`() throws {
      var files: [(name: String, bytes: [UInt8])] = []
      for lie in `A lying file is refused`.front + `A lying file is refused`.metadata
        + `A lying file is refused`.places
      {
        var builder = `A lying file is refused`.sound()
        lie.tell(&builder)
        files.append((lie.name, builder.bytes))
      }
      for (name, claim) in [
        ("24 bytes", GGUFBuilder.little(UInt64.max)),
        ("2⁴⁰ keys", GGUFBuilder.little(UInt64(1) << 40)),
      ] {
        files.append(
          (name, Array("GGUF".utf8) + GGUFBuilder.little(UInt32(3)) + claim + claim))
      }
      #expect(files.count > 50)
      try withTemporaryDirectory { directory in
        let path = directory.appending(path: "model.gguf").path
        for (name, bytes) in files {
          try Data(bytes).write(to: URL(filePath: path))
          var least = Int.max
          for _ in 0..<5 where least >= 1 << 20 {
            least = min(least, try growth { _ = try? GGUFFile.open(path: path) })
          }
          #expect(least < 1 << 20, "\(name): \(least) bytes")
        }
      }
    }

    /// Peak of resident memory during `body`, less what was resident before, in bytes.
    private func growth(_ body: () -> Void) throws -> Int {
      // Sets the peak to what is in use now; man 5 proc.
      try #require(write("5", to: "/proc/self/clear_refs"))
      let before = try resident("VmRSS")
      body()
      return try resident("VmHWM") - before
    }

    private func write(_ text: String, to path: String) -> Bool {
      guard let file = fopen(path, "w") else { return false }
      defer { fclose(file) }
      return fputs(text, file) >= 0
    }

    private func resident(_ name: String) throws -> Int {
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(name) })
      return try #require(
        line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
        * 1_024
    }
  }
#endif
