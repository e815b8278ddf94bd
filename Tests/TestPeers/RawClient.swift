import NIOCore
import NIOPosix
import Synchronization

/// A client that sends what bytes it likes and leaves as it likes.
package final class RawClient: Sendable {
  private struct State {
    var bytes: [UInt8] = []
    var isClosed = false
  }

  private let channel: any Channel
  private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  private let state = Mutex(State())

  private init(_ channel: any Channel, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>) {
    self.channel = channel
    self.outbound = outbound
  }

  /// Connects to 127.0.0.1 and stays for as long as `body` runs.
  ///
  /// - Parameter isReading: whether it takes what is sent to it
  package static func run<Result: Sendable>(
    port: Int, isReading: Bool = true,
    _ body: @escaping @Sendable (RawClient) async throws -> Result
  ) async throws -> Result {
    let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .connect(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
            wrappingChannelSynchronously: channel,
            configuration: .init(isOutboundHalfClosureEnabled: true))
        }
      }
    return try await connection.executeThenClose { inbound, outbound in
      let client = RawClient(connection.channel, outbound)
      return try await withThrowingTaskGroup(of: Void.self) { group in
        if isReading {
          group.addTask {
            do {
              for try await buffer in inbound { client.take(buffer) }
            } catch {}
            client.state.withLock { $0.isClosed = true }
          }
        }
        defer {
          group.cancelAll()
          client.channel.close(promise: nil)
        }
        return try await body(client)
      }
    }
  }

  private func take(_ buffer: ByteBuffer) {
    state.withLock { $0.bytes.append(contentsOf: buffer.readableBytesView) }
  }

  /// What came so far.
  package var received: String { String(decoding: receivedBytes, as: UTF8.self) }
  /// What came so far.
  package var receivedBytes: [UInt8] { state.withLock { $0.bytes } }
  /// Whether the server closed the connection.
  package var isClosed: Bool { state.withLock { $0.isClosed } }

  /// Sends text as it stands.
  package func send(_ text: String) async throws {
    try await outbound.write(ByteBuffer(string: text))
  }

  /// Sends no more, but goes on reading.
  package func halfClose() { outbound.finish() }

  /// Closes both ways.
  package func close() async throws { try await channel.close() }

  /// Leaves so that the server's socket breaks.
  package func reset() async throws {
    if let options = channel as? any SocketOptionProvider {
      try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    }
    try await channel.close()
  }

  /// The first answer, once all of it is there.
  ///
  /// - Throws: ``NoAnswer`` when it is not within `limit`
  package func answer(within limit: Duration = .seconds(10)) async throws -> HTTPAnswer {
    var answer: HTTPAnswer?
    _ = await eventually(within: limit) {
      answer = HTTPAnswer(receivedBytes, isClosed: isClosed)
      return answer != nil || isClosed
    }
    answer = answer ?? HTTPAnswer(receivedBytes, isClosed: isClosed)
    guard let answer else { throw NoAnswer(received: received) }
    return answer
  }
}

/// No whole answer came in time.
package struct NoAnswer: Error {
  package let received: String
}

/// A whole answer as a client reads it.
package struct HTTPAnswer: Sendable {
  package let status: Int
  /// Names in lower case.
  package let headers: [(name: String, value: String)]
  package let body: String
  /// Bytes of head and body.
  package let byteCount: Int

  /// The first answer in `bytes`, or `nil` while it is not complete.
  package init?(_ bytes: [UInt8], isClosed: Bool = false) {
    guard let end = HTTPHead.end(of: bytes), let head = HTTPHead(bytes[..<end]) else { return nil }
    status = Int(head.firstLine.split(separator: " ").dropFirst().first ?? "") ?? 0
    headers = head.headers
    if head["transfer-encoding"].contains("chunked") {
      guard let (body, next) = Self.dechunk(bytes, from: end) else { return nil }
      self.body = String(decoding: body, as: UTF8.self)
      byteCount = next
    } else if let length = head["content-length"].first.flatMap({ Int($0) }) {
      guard bytes.count >= end + length else { return nil }
      body = String(decoding: bytes[end..<end + length], as: UTF8.self)
      byteCount = end + length
    } else {
      guard isClosed else { return nil }
      body = String(decoding: bytes[end...], as: UTF8.self)
      byteCount = bytes.count
    }
  }

  /// The first value of a header.
  package subscript(header: String) -> String? {
    headers.first { $0.name == header }?.value
  }

  /// The data of each event of the body.
  package var events: [String] {
    body.split(separator: "\n").filter { $0.hasPrefix("data: ") }.map { String($0.dropFirst(6)) }
  }

  private static func dechunk(_ bytes: [UInt8], from start: Int) -> ([UInt8], Int)? {
    var body: [UInt8] = []
    var place = start
    while true {
      guard let lineEnd = bytes[place...].firstIndex(of: 0x0D),
        let size = Int(String(decoding: bytes[place..<lineEnd], as: UTF8.self), radix: 16),
        bytes.count >= lineEnd + 2 + size + 2
      else { return nil }
      let data = lineEnd + 2
      body.append(contentsOf: bytes[data..<data + size])
      place = data + size + 2
      if size == 0 { return (body, place) }
    }
  }
}
