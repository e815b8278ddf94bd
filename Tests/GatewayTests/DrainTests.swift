import OpenAIAPI
import Routing
import TestPeers
import Testing

@testable import Gateway

/// Clients that send all of a body before they read, where the body is refused.
@Suite(.serialized) struct DrainTests {
  private func run(
    _ configure: @escaping @Sendable (inout GatewayConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    try await World.run(
      [:],
      options: { options in
        options.gateway.limits.maximumBodyBytes = 1_000
        configure(&options.gateway)
      }, body)
  }

  private static let piece = String(repeating: "a", count: 64 << 10)

  /// A request whose body is `count` pieces, sent to its end before anything is read.
  private func sendAll(
    _ count: Int, headers: [String], chunked: Bool, to client: RawClient
  ) async throws {
    let framing =
      chunked ? "Transfer-Encoding: chunked" : "Content-Length: \(count * Self.piece.utf8.count)"
    let lines = ["POST \(World.chat) HTTP/1.1", "Host: a", framing] + headers + ["", ""]
    try await client.send(lines.joined(separator: "\r\n"))
    for _ in 0..<count {
      try await client.send(chunked ? "10000\r\n\(Self.piece)\r\n" : Self.piece)
    }
    if chunked { try await client.send("0\r\n\r\n") }
  }

  // Eight MiB are more than the buffers of both sockets hold: a sender gets to its end only when
  // somebody takes the bytes.
  @Test(arguments: [false, true])
  func `who says that it closes gets all of its body sent, and then the answer`(
    chunked: Bool
  ) async throws {
    try await run { world in
      try await RawClient.run(port: world.port) { client in
        try await sendAll(128, headers: ["Connection: close"], chunked: chunked, to: client)
        let answer = try await client.answer()
        #expect(answer.status == 413)
        #expect(answer.body.contains("request_too_large"))
        #expect(await eventually { client.isClosed })
      }
    }
  }

  @Test func `whatever refuses a request, its body is taken`() async throws {
    try await run {
      $0.apiKeys = ["sk-1"]
    } _: { world in
      for (headers, status) in [
        (["Connection: close"], 401),
        (["Connection: close", "Authorization: Bearer sk-1", "Content-Type: text/plain"], 415),
      ] {
        try await RawClient.run(port: world.port) { client in
          try await sendAll(128, headers: headers, chunked: false, to: client)
          #expect(try await client.answer().status == status)
        }
      }
    }
  }

  @Test func `a body beyond the bound ends the connection, after the answer`() async throws {
    try await run {
      $0.maximumDrainedBytes = 1 << 20
    } _: { world in
      try await RawClient.run(port: world.port) { client in
        try? await sendAll(128, headers: [], chunked: false, to: client)
        #expect(await eventually { client.isClosed })
      }
      // Who reads while it sends learns it from the head.
      try await RawClient.run(port: world.port) { client in
        try await client.send(
          "POST \(World.chat) HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n")
        let answer = try await client.answer()
        #expect(answer.status == 413)
        #expect(answer["connection"] == "close")
      }
      #expect(try await world.ask("GET", "/health/live").status == 200)
    }
  }

  @Test func `a body that never comes ends the connection`() async throws {
    try await run {
      $0.drainTimeout = .milliseconds(200)
    } _: { world in
      try await RawClient.run(port: world.port) { client in
        try await client.send(
          "POST \(World.chat) HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n"
            + "Connection: close\r\n\r\n")
        #expect(try await client.answer().status == 413)
        #expect(await eventually(within: .seconds(2)) { client.isClosed })
      }
    }
  }
}
