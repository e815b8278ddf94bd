/// Writes server-sent events as the WHATWG's HTML standard defines them.
package enum ServerSentEvents {
  /// What ends a stream of chunks: `data: [DONE]`.
  package static let done: [UInt8] = Array("data: [DONE]\n\n".utf8)

  /// A comment that readers skip and that keeps connections open: `: keep-alive`.
  package static let keepAlive: [UInt8] = Array(": keep-alive\n\n".utf8)

  /// The data of the event that ends a stream of chunks.
  package static let doneData: [UInt8] = Array("[DONE]".utf8)

  /// Appends one event of this data. Line ends inside of the data (CR, LF, CRLF) start a new `data`
  /// line each, and are read back as LF.
  package static func append(data: [UInt8], to bytes: inout [UInt8]) {
    bytes.append(contentsOf: "data: ".utf8)
    var previous: UInt8 = 0
    for byte in data {
      switch byte {
      case UInt8(ascii: "\n") where previous == UInt8(ascii: "\r"): break
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"): bytes.append(contentsOf: "\ndata: ".utf8)
      default: bytes.append(byte)
      }
      previous = byte
    }
    bytes.append(contentsOf: "\n\n".utf8)
  }

  /// Appends the event that tells of a failure after the stream has begun, when the status can no
  /// longer say it. The official clients raise it as an error.
  package static func append(error: APIError, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: "data: ".utf8)
    error.encode(into: &bytes)
    bytes.append(contentsOf: "\n\n".utf8)
  }
}

/// One event as it was read.
package struct ServerSentEvent: Hashable, Sendable {
  /// The `event` field; empty for the usual kind, a message.
  package var type: String
  /// The `data` lines joined with LF. Bytes, because nothing says that they are UTF-8 until
  /// somebody reads them as text.
  package var data: [UInt8]
  /// The last `id` seen so far in the stream; empty if there was none.
  package var lastEventID: String

  /// An event.
  package init(type: String = "", data: [UInt8], lastEventID: String = "") {
    self.type = type
    self.data = data
    self.lastEventID = lastEventID
  }

  /// Whether this ends a stream of chunks.
  package var isDone: Bool { data == ServerSentEvents.doneData }
}
