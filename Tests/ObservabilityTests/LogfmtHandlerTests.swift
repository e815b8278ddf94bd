import Foundation
import Logging
import Testing

@testable import Observability

struct LogfmtHandlerTests {
  @Test func `an event is one line with its request first`() throws {
    let lines = try written { logger in
      logger[metadataKey: "hb.request.id"] = "9f1c"
      logger.info(
        "answered", metadata: ["status": "200", "seconds": "\(0.25)", "model": "dense flash"])
    }
    #expect(
      lines == [
        "time=2026-01-02T03:04:05.500Z level=info label=gateway request=9f1c message=answered "
          + #"model="dense flash" seconds=0.25 status=200"#
      ])
  }

  @Test func `nothing that is logged ends a line or forges a field`() throws {
    let lines = try written { logger in
      logger.warning(
        "a\nlevel=error \"b\"\u{202e}\u{0}",
        metadata: ["ke y=\n": "x=1\r\n\ttime=0 \\ \u{2028}\u{1b}[2J"])
    }
    #expect(
      lines == [
        #"time=2026-01-02T03:04:05.500Z level=warning label=gateway "#
          + #"message="a\nlevel=error \"b\"\u{202e}\u{0}" "#
          + #"ke_y__="x=1\r\n\ttime=0 \\ \u{2028}\u{1b}[2J""#
      ])
  }

  @Test func `what users wrote is withheld, however deep it is`() throws {
    let secret = "my-secret-diary"
    let lines = try written { logger in
      logger.error(
        "refused",
        metadata: [
          "Prompt": "\(secret)", "token": "\(secret)",
          "request": ["messages": [["content": "\(secret)"]], "model": "a"],
          "shadows": [["body": "\(secret)", "model": "b"], "c"],
        ])
    }
    #expect(!lines.joined().contains(secret))
    #expect(
      lines == [
        "time=2026-01-02T03:04:05.500Z level=error label=gateway message=refused "
          + "Prompt=(withheld) request.messages=(withheld) request.model=a "
          + "shadows.0.body=(withheld) shadows.0.model=b shadows.1=c token=(withheld)"
      ])
  }

  @Test func `a long value is cut`() throws {
    let lines = try written { $0.info("\(String(repeating: "é", count: 4_000))") }
    let line = try #require(lines.first)
    #expect(line.hasSuffix("é…\""))
    #expect(line.count { $0 == "é" } == LogfmtHandler.maximumValueBytes / 2)
  }

  @Test func `a value of its own goes over the logger's, and levels below are silent`() throws {
    let lines = try written { logger in
      logger[metadataKey: "step"] = "1"
      logger.debug("unseen")
      logger.info("seen", metadata: ["step": "2"])
    }
    #expect(lines.count == 1)
    #expect(lines[0].hasSuffix("step=2"))
  }

  @Test func `a copy's metadata and level are its own`() throws {
    let lines = try written { logger in
      var copy = logger
      copy[metadataKey: "only"] = "copy"
      copy.logLevel = .error
      logger.info("original")
      copy.info("unseen")
      copy.error("copy")
    }
    #expect(lines.map { $0.contains("only=copy") } == [false, true])
  }

  @Test func `a line that cannot be written is counted and hurts nobody`() {
    let destination = LogDestination(fileDescriptor: -1)
    destination.write(line: "lost")
    #expect(destination.droppedLines == 1)
  }

  @Test func `a reader that stops costs lines and no time, until it reads again`()
    throws
  {
    var ends: [CInt] = [0, 0]
    try #require(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    let destination = LogDestination(fileDescriptor: ends[1])
    // More than any pipe holds; the test would hang here, were there no bound.
    let line = String(repeating: "x", count: 999)
    for _ in 0..<3_000 { destination.write(line: line) }
    #expect(destination.droppedLines > 1_000)

    var bytes = [UInt8](repeating: 0, count: 1 << 22)
    let first = read(ends[0], &bytes, bytes.count)
    #expect(first > 0)
    let dropped = destination.droppedLines
    destination.write(line: "read again")
    #expect(destination.droppedLines == dropped)
    let second = bytes.withUnsafeMutableBytes { buffer in
      read(ends[0], buffer.baseAddress?.advanced(by: first), buffer.count - first)
    }
    let lines = String(decoding: bytes.prefix(first + second), as: UTF8.self)
      .split(separator: "\n")
    #expect(lines.last == "read again")
    #expect(lines.filter { $0 != line }.count <= 2, "one may be cut, where the pipe was full")
  }

  @Test func `a full disk costs the lines, and nothing else`() throws {
    let full = open("/dev/full", O_WRONLY)
    try #require(full >= 0, "there is no /dev/full")
    defer { close(full) }
    let destination = LogDestination(fileDescriptor: full)
    for _ in 0..<3 { destination.write(line: "lost") }
    #expect(destination.droppedLines == 3)
  }

  /// The lines that `log` writes into a real file.
  private func written(_ log: (inout Logger) -> Void) throws -> [String] {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).log")
    #expect(FileManager.default.createFile(atPath: file.path, contents: nil))
    defer { try? FileManager.default.removeItem(at: file) }
    let handle = try FileHandle(forWritingTo: file)
    let destination = LogDestination(fileDescriptor: handle.fileDescriptor)
    let now = Date(timeIntervalSince1970: 1_767_323_045.5)
    var logger = Logger(label: "gateway") { label in
      LogfmtHandler(label: label, logLevel: .info, destination: destination) { now }
    }
    log(&logger)
    try handle.close()
    #expect(destination.droppedLines == 0)
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
  }
}
