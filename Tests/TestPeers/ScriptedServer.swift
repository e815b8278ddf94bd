import NIOCore
import NIOPosix
import Synchronization

/// A server that reads HTTP requests and says to each, byte for byte, what a test wants: on time,
/// late, in part, or never.
///
/// It notices when its client goes away, whatever it is at.
package final class ScriptedServer: Sendable {
  /// One thing to do.
  package enum Step: Sendable {
    case send(String)
    case bytes([UInt8])
    case wait(Duration)
    /// Goes on when somebody opens the gate.
    case await(Gate)
    /// Says nothing more until the client leaves.
    case hang
    /// Sends these bytes until the client leaves, as fast as it takes them.
    case flood(String)
    case close
    /// Closes so that the client's socket breaks.
    case reset
  }

  /// What to do for a request.
  package typealias Script = @Sendable (ScriptedRequest) -> [Step]

  private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  private struct State {
    var requests: [ScriptedRequest] = []
    var connections = 0
    var open = 0
    var sentBytes = 0
  }

  private let script: Script
  private let listener: NIOAsyncChannel<Connection, Never>
  private let state = Mutex(State())

  /// The port it listens at, on 127.0.0.1.
  package let port: Int

  /// Requests so far, in the order in which they were complete.
  package var requests: [ScriptedRequest] { state.withLock { $0.requests } }
  /// Connections so far.
  package var connections: Int { state.withLock { $0.connections } }
  /// Connections that are open.
  package var openConnections: Int { state.withLock { $0.open } }
  /// Bytes that went out so far.
  package var sentBytes: Int { state.withLock { $0.sentBytes } }

  private init(_ script: @escaping Script) async throws {
    self.script = script
    listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .bind(host: "127.0.0.1", port: 0) { channel in
        channel.eventLoop.makeCompletedFuture {
          try Connection(wrappingChannelSynchronously: channel)
        }
      }
    port = listener.channel.localAddress?.port ?? 0
  }

  /// Serves while `body` runs.
  package static func run<Result: Sendable>(
    _ script: @escaping Script,
    _ body: @escaping @Sendable (ScriptedServer) async throws -> Result
  ) async throws -> Result {
    let server = try await ScriptedServer(script)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await server.listen() }
      defer { group.cancelAll() }
      return try await body(server)
    }
  }

  private func listen() async throws {
    try await listener.executeThenClose { connections in
      await withDiscardingTaskGroup { group in
        do {
          for try await connection in connections {
            group.addTask { try? await self.serve(connection) }
          }
        } catch {}
      }
    }
  }

  private func serve(_ connection: Connection) async throws {
    state.withLock {
      $0.connections += 1
      $0.open += 1
    }
    defer { state.withLock { $0.open -= 1 } }
    try await connection.executeThenClose { inbound, outbound in
      let (requests, continuation) = AsyncStream<ScriptedRequest>.makeStream()
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          var reader = ScriptedRequest.Reader()
          do {
            for try await buffer in inbound {
              for request in reader.take(buffer.readableBytesView) { continuation.yield(request) }
            }
          } catch {}
        }
        group.addTask {
          for await request in requests {
            self.state.withLock { $0.requests.append(request) }
            do {
              try await self.perform(self.script(request), outbound, connection.channel)
            } catch { return }
          }
        }
        // The client left, or the script closed the connection.
        await group.next()
        group.cancelAll()
      }
    }
  }

  private func perform(
    _ steps: [Step], _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, _ channel: any Channel
  ) async throws {
    for step in steps {
      switch step {
      case .send(let text): try await write(Array(text.utf8), outbound)
      case .bytes(let bytes): try await write(bytes, outbound)
      case .wait(let duration): try await Task.sleep(for: duration)
      case .await(let gate): _ = await eventually(within: .seconds(3_600)) { gate.isOpen }
      case .hang: try await Task.sleep(for: .seconds(3_600))
      case .flood(let text): while true { try await write(Array(text.utf8), outbound) }
      case .close:
        throw CancellationError()
      case .reset:
        if let options = channel as? any SocketOptionProvider {
          try await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        throw CancellationError()
      }
    }
  }

  private func write(
    _ bytes: [UInt8], _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
  ) async throws {
    try Task.checkCancellation()
    try await outbound.write(ByteBuffer(bytes: bytes))
    state.withLock { $0.sentBytes += bytes.count }
  }
}
