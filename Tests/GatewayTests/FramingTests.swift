import Routing
import TestPeers
import Testing

@testable import Gateway

/// Bytes of which two servers could make two different things.
@Suite(.serialized) struct FramingTests {
  struct Attack: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: String
  }

  private static func post(_ name: String, _ headers: [String], _ body: String) -> Attack {
    let lines = ["POST \(World.chat) HTTP/1.1", "Host: a"] + headers + ["", body]
    return Attack(testDescription: name, bytes: lines.joined(separator: "\r\n"))
  }

  private static func get(_ name: String, _ lines: [String]) -> Attack {
    Attack(testDescription: name, bytes: (lines + ["", ""]).joined(separator: "\r\n"))
  }

  private static let smuggled = "0\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test(arguments: [
    post(
      "a length and chunks",
      ["Content-Length: \(smuggled.utf8.count)", "Transfer-Encoding: chunked"], smuggled),
    post("two lengths that differ", ["Content-Length: 0", "Content-Length: 44"], smuggled),
    post("two lengths that are equal", ["Content-Length: 2", "Content-Length: 2"], "{}"),
    post("a list of lengths", ["Content-Length: 2, 2"], "{}"),
    post("a length with a sign", ["Content-Length: +2"], "{}"),
    post("a negative length", ["Content-Length: -1"], "{}"),
    post("a length in hexadecimal", ["Content-Length: 0x2"], "{}"),
    post("a length beyond 64 bits", ["Content-Length: 99999999999999999999"], "{}"),
    post("two codings", ["Transfer-Encoding: gzip, chunked"], "0\r\n\r\n"),
    post("another coding", ["Transfer-Encoding: identity"], "{}"),
    post(
      "a chunk longer than it says", ["Transfer-Encoding: chunked"], "1\r\n{}\r\n0\r\n\r\n"),
    post("a chunk size that is no number", ["Transfer-Encoding: chunked"], "zz\r\n{}\r\n"),
    post("a folded header", ["X-A: b", " c", "Content-Length: 2"], "{}"),
    post("space before the colon", ["Content-Length : 2"], "{}"),
    post("a NUL in a header", ["X-A: b\u{0}c", "Content-Length: 2"], "{}"),
    get("no host", ["GET /v1/models HTTP/1.1"]),
    get("an empty host", ["GET /v1/models HTTP/1.1", "Host: "]),
    get("two hosts", ["GET /v1/models HTTP/1.1", "Host: a", "Host: b"]),
    get("another protocol", ["GET /v1/models SMTP/1.1", "Host: a"]),
    get("no path", ["GET HTTP/1.1", "Host: a"]),
    get(
      "a header of 100 KiB",
      ["GET /v1/models HTTP/1.1", "Host: a", "X-A: " + String(repeating: "a", count: 100 << 10)]),
    get(
      "2,000 headers",
      ["GET /v1/models HTTP/1.1", "Host: a"] + (0..<2_000).map { "X-\($0): a" }),
    Attack(testDescription: "TLS", bytes: "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\r\n\r\n"),
  ])
  func `are refused, once, and nobody is asked`(attack: Attack) async throws {
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["Hi"])
    } _: { server in
      try await World.run(["dense": server.port, "flash": server.port], [.trial()]) { world in
        try await RawClient.run(port: world.port) { client in
          try? await client.send(attack.bytes)
          #expect(
            await eventually(within: .seconds(2)) {
              client.isClosed || HTTPAnswer(client.receivedBytes) != nil
            })
          try await Task.sleep(for: .milliseconds(20))
          let answers = client.received.ranges(of: "HTTP/1.1 ").count
          #expect(answers <= 1)
          if answers == 1 {
            #expect([400, 431].contains(try #require(HTTPAnswer(client.receivedBytes)).status))
          } else {
            #expect(client.isClosed)
          }
        }
        #expect(server.requests.isEmpty)
        // It still serves.
        #expect(try await world.ask("GET", "/health/live").status == 200)
      }
    }
  }

  @Test(arguments: ["//v1/models", "http://evil.example/v1/models"])
  func `another spelling of a path reaches no more than the path does`(path: String) async throws {
    try await World.run([:], options: { $0.gateway.apiKeys = ["sk-1"] }) { world in
      let answer = try await world.ask("GET", path)
      #expect([400, 401, 404].contains(answer.status))
    }
  }

  @Test func `what a client writes does not come back as headers`() async throws {
    try await World.run([:]) { world in
      let answer = try await world.chat(model: #"a\r\nX-Evil: 1"#)
      #expect(answer.status == 400)
      #expect(answer["x-evil"] == nil)
    }
  }
}
