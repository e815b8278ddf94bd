/// Why a stream of events cannot be read further.
package struct ServerSentEventError: Error, Hashable, Sendable {
  /// What went beyond its bound.
  package enum Code: String, Hashable, Sendable {
    case lineTooLong = "line_too_long"
    case eventTooLong = "event_too_long"
  }

  package let code: Code
  /// What is wrong and what is allowed.
  package let message: String

  /// The same for the API: 502 `malformed`.
  package var apiError: APIError {
    .badGateway("The upstream's stream is malformed: \(message).", code: "malformed")
  }
}

/// Reads server-sent events out of bytes that arrive in any pieces, as the WHATWG's HTML standard
/// says ("Interpreting an event stream"): lines end at LF, CR or CRLF; a byte order mark at the
/// start, comments, unknown fields and events without data are skipped; an event that the stream's
/// end cuts off is dropped. Every cut of the same bytes gives the same events.
///
///     var parser = ServerSentEventParser()
///     var events: [ServerSentEvent] = []
///     for try await piece in body { try parser.parse(piece, into: &events) }
///
/// Holds at most one line and one event's data. Each byte is looked at once and copied at most
/// twice.
package struct ServerSentEventParser: Sendable {
  /// Of one line, in bytes.
  package let maximumLineBytes: Int
  /// Of the data of one event, in bytes.
  package let maximumEventBytes: Int
  /// What the stream last said about waiting before a new connection; `nil` if it said nothing.
  package private(set) var retryMilliseconds: Int?

  /// The beginning of a line whose end has not come yet.
  private var line: [UInt8] = []
  private var data: [UInt8] = []
  private var hasData = false
  private var type = ""
  private var lastEventID = ""
  private var isFirstLine = true
  private var sawCarriageReturn = false
  private var failure: ServerSentEventError?

  /// A parser at the start of a stream.
  package init(maximumLineBytes: Int = 64 << 10, maximumEventBytes: Int = 1 << 20) {
    self.maximumLineBytes = max(1, maximumLineBytes)
    self.maximumEventBytes = max(1, maximumEventBytes)
  }

  /// Reads the next bytes and appends the events that they complete.
  ///
  /// - Throws: when a line or an event is longer than allowed. Events before it were appended; from
  ///   then on every call throws the same.
  package mutating func parse(
    _ bytes: [UInt8], into events: inout [ServerSentEvent]
  ) throws(ServerSentEventError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(ServerSentEventError) in
      try parse(buffer, into: &events)
    }
  }

  /// Reads the next bytes out of memory that someone else owns; what is needed of it is copied.
  package mutating func parse(
    _ bytes: UnsafeBufferPointer<UInt8>, into events: inout [ServerSentEvent]
  ) throws(ServerSentEventError) {
    if let failure { throw failure }
    var start = 0
    if sawCarriageReturn, !bytes.isEmpty {
      sawCarriageReturn = false
      if bytes[0] == UInt8(ascii: "\n") { start = 1 }
    }
    var index = start
    while index < bytes.count {
      let byte = bytes[index]
      guard byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") else {
        index += 1
        continue
      }
      try finishLine(with: UnsafeBufferPointer(rebasing: bytes[start..<index]), into: &events)
      index += 1
      if byte == UInt8(ascii: "\r") {
        if index == bytes.count {
          sawCarriageReturn = true
        } else if bytes[index] == UInt8(ascii: "\n") {
          index += 1
        }
      }
      start = index
    }
    try keep(UnsafeBufferPointer(rebasing: bytes[start...]))
  }

  private mutating func keep(_ rest: UnsafeBufferPointer<UInt8>) throws(ServerSentEventError) {
    guard line.count + rest.count <= maximumLineBytes else { throw lineTooLong() }
    line.append(contentsOf: rest)
  }

  private mutating func finishLine(
    with rest: UnsafeBufferPointer<UInt8>, into events: inout [ServerSentEvent]
  ) throws(ServerSentEventError) {
    guard line.count + rest.count <= maximumLineBytes else { throw lineTooLong() }
    if line.isEmpty { return try interpret(rest, into: &events) }
    var whole: [UInt8] = []
    swap(&whole, &line)
    whole.append(contentsOf: rest)
    try whole.withUnsafeBufferPointer { (buffer) throws(ServerSentEventError) in
      try interpret(buffer, into: &events)
    }
    // Its memory serves the next line.
    whole.removeAll(keepingCapacity: true)
    swap(&whole, &line)
  }

  private mutating func interpret(
    _ bytes: UnsafeBufferPointer<UInt8>, into events: inout [ServerSentEvent]
  ) throws(ServerSentEventError) {
    var text = bytes[...]
    if isFirstLine {
      isFirstLine = false
      if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
    }
    guard let first = text.first else { return dispatch(into: &events) }
    if first == UInt8(ascii: ":") { return }
    let colon = text.firstIndex(of: UInt8(ascii: ":"))
    let name = text[..<(colon ?? text.endIndex)]
    var value = text[(colon.map { $0 + 1 } ?? text.endIndex)...]
    if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
    if name.elementsEqual("data".utf8) {
      try appendData(value)
    } else if name.elementsEqual("event".utf8) {
      type = String(decoding: value, as: UTF8.self)
    } else if name.elementsEqual("id".utf8) {
      if !value.contains(0) { lastEventID = String(decoding: value, as: UTF8.self) }
    } else if name.elementsEqual("retry".utf8) {
      let isNumber = value.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      if isNumber, let number = Int(String(decoding: value, as: UTF8.self)) {
        retryMilliseconds = number
      }
    }
  }

  private mutating func appendData(
    _ value: Slice<UnsafeBufferPointer<UInt8>>
  ) throws(ServerSentEventError) {
    let separator = hasData ? 1 : 0
    guard data.count + separator + value.count <= maximumEventBytes else {
      throw fail(
        .eventTooLong, "an event's data has more than \(maximumEventBytes) bytes")
    }
    if hasData { data.append(UInt8(ascii: "\n")) }
    data.append(contentsOf: value)
    hasData = true
  }

  private mutating func dispatch(into events: inout [ServerSentEvent]) {
    defer { type = "" }
    guard hasData else { return }
    events.append(ServerSentEvent(type: type, data: data, lastEventID: lastEventID))
    data = []
    hasData = false
  }

  private mutating func lineTooLong() -> ServerSentEventError {
    fail(.lineTooLong, "a line has more than \(maximumLineBytes) bytes")
  }

  private mutating func fail(
    _ code: ServerSentEventError.Code, _ message: String
  ) -> ServerSentEventError {
    let error = ServerSentEventError(code: code, message: message)
    failure = error
    line = []
    data = []
    return error
  }
}
