import Testing

@testable import OpenAIAPI

struct ServerSentEventTests {
  private func events(_ stream: String) throws -> [ServerSentEvent] {
    var parser = ServerSentEventParser()
    var events: [ServerSentEvent] = []
    try parser.parse(Array(stream.utf8), into: &events)
    return events
  }

  private func message(_ data: String, type: String = "", id: String = "") -> ServerSentEvent {
    ServerSentEvent(type: type, data: Array(data.utf8), lastEventID: id)
  }

  // The first five are the examples of the HTML standard, section "Server-sent events".
  @Test(arguments: [
    ("data: YHOO\ndata: +2\ndata: 10\n\n", ["YHOO\n+2\n10"]),
    (
      ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n",
      ["first event", "second event"]
    ),
    ("data\n\ndata\ndata\n\ndata:", ["", "\n"]), ("data:test\n\ndata: test\n\n", ["test", "test"]),
    (
      "data: This is the second message, it\ndata: has two lines.\n\n",
      ["This is the second message, it\nhas two lines."]
    ),
    ("data: a\r\n\r\ndata: b\r\rdata: c\n\n", ["a", "b", "c"]), ("\u{FEFF}data: a\n\n", ["a"]),
    ("\u{FEFF}\u{FEFF}data: a\n\n", []), ("data: \u{FEFF}a\n\n", ["\u{FEFF}a"]),
    (":\n:data: x\n\n", []), ("event: ping\n\n", []), ("datax: a\nDATA: a\n data: a\n\n", []),
    ("data: a", []), ("data: a\n", []), ("\n\n\ndata: a\n\n\n\n", ["a"]), ("", []),
    ("data: a:b: c\n\n", ["a:b: c"]), ("data: a\0b\n\n", ["a\0b"]),
  ])
  func `events are read as the standard says`(_ stream: String, _ data: [String]) throws {
    #expect(try events(stream).map { text($0.data) } == data)
  }

  @Test func `type and last id belong to events`() throws {
    #expect(
      try events(
        "event: add\ndata: 1\nid: 7\n\ndata: 2\n\nid: a\0b\ndata: 3\n\nid\ndata: 4\n\n")
        == [
          message("1", type: "add", id: "7"), message("2", id: "7"), message("3", id: "7"),
          message("4"),
        ])
    #expect(try events("event: add\n\ndata: 1\n\n") == [message("1")])
  }

  @Test func `a wish to wait is kept if it is a number`() throws {
    var parser = ServerSentEventParser()
    var events: [ServerSentEvent] = []
    try parser.parse(Array("retry: 1500\nretry: 2s\nretry:\nretry: -1\n\n".utf8), into: &events)
    #expect(parser.retryMilliseconds == 1_500)
    try parser.parse(Array("retry: 99999999999999999999999\n\n".utf8), into: &events)
    #expect(parser.retryMilliseconds == 1_500)
  }

  @Test func `any cut of the bytes gives the same events`() throws {
    var random = Seeded(3)
    let pieces = [
      "data", "data:", "data: ", ":", " ", "\n", "\r", "\r\n", "\n\n", "\r\r", "event: x", "id: 7",
      "retry: 5", "é", "\u{FEFF}", "a", "\0",
    ]
    for _ in 0..<2_000 {
      var stream: [UInt8] = []
      for _ in 0..<Int.random(in: 1..<40, using: &random) {
        stream += Array(pieces[Int.random(in: 0..<pieces.count, using: &random)].utf8)
      }
      var whole = ServerSentEventParser()
      var expected: [ServerSentEvent] = []
      try whole.parse(stream, into: &expected)
      var cut = ServerSentEventParser()
      var events: [ServerSentEvent] = []
      var rest = stream[...]
      while !rest.isEmpty {
        let count = min(rest.count, Int.random(in: 0..<8, using: &random))
        try cut.parse(Array(rest.prefix(count)), into: &events)
        rest = rest.dropFirst(count)
      }
      #expect(events == expected, "\(text(stream).debugDescription)")
      #expect(cut.retryMilliseconds == whole.retryMilliseconds)
    }
  }

  @Test func `a line without end is refused at its bound however it arrives`() throws {
    for piece in [1, 7, 1_000, 70_000] {
      var parser = ServerSentEventParser()
      var events: [ServerSentEvent] = []
      try parser.parse(Array("data: first\n\n".utf8), into: &events)
      let filler = [UInt8](repeating: UInt8(ascii: "x"), count: piece)
      var sent = 0
      let error = #expect(throws: ServerSentEventError.self) {
        while sent < 200_000 {
          try parser.parse(filler, into: &events)
          sent += piece
        }
      }
      #expect(error?.code == .lineTooLong)
      #expect(error?.apiError.code == "malformed")
      #expect(sent <= 64 << 10)
      #expect(events.count == 1)
      #expect(throws: ServerSentEventError.self) {
        try parser.parse(Array("\n\ndata: late\n\n".utf8), into: &events)
      }
      #expect(events.count == 1)
    }
  }

  @Test func `the bounds of a line and of an event hold exactly`() throws {
    var parser = ServerSentEventParser(maximumLineBytes: 10, maximumEventBytes: 9)
    var events: [ServerSentEvent] = []
    try parser.parse(Array("data: 4567\ndata: 4567\n\n".utf8), into: &events)
    #expect(events == [message("4567\n4567")])
    #expect(
      throws: ServerSentEventError(
        code: .eventTooLong, message: "an event's data has more than 9 bytes")
    ) {
      try parser.parse(Array("data: 4567\ndata: 4567\ndata:\n\n".utf8), into: &events)
    }
    parser = ServerSentEventParser(maximumLineBytes: 10, maximumEventBytes: 9)
    #expect(throws: ServerSentEventError.self) {
      try parser.parse(Array("data: 45678\n\n".utf8), into: &events)
    }
  }

  @Test func `a long event that drips in costs what it weighs`() throws {
    // One byte a piece: a parser that starts over with each piece would look at 2 · 10⁹ bytes.
    let line = [UInt8](repeating: UInt8(ascii: "x"), count: 65_000)
    var parser = ServerSentEventParser()
    var events: [ServerSentEvent] = []
    for byte in Array("data: ".utf8) + line + Array("\n\n".utf8) {
      try parser.parse([byte], into: &events)
    }
    #expect(events.map(\.data) == [line])
  }

  @Test(arguments: [
    ("", "data: \n\n"), ("a", "data: a\n\n"), ("a\nb", "data: a\ndata: b\n\n"),
    ("a\r\nb\rc", "data: a\ndata: b\ndata: c\n\n"), ("\n", "data: \ndata: \n\n"),
    ("a\n\nb", "data: a\ndata: \ndata: b\n\n"),
  ])
  func `data is written so that it is read back`(_ data: String, _ stream: String) throws {
    var bytes: [UInt8] = []
    ServerSentEvents.append(data: Array(data.utf8), to: &bytes)
    #expect(text(bytes) == stream)
    let back = data.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
    #expect(try events(stream) == [message(back)])
  }

  @Test func `the end, a comment and an error have their spelling`() throws {
    var bytes = ServerSentEvents.keepAlive
    ServerSentEvents.append(error: .badGateway("gone"), to: &bytes)
    bytes += ServerSentEvents.done
    #expect(
      text(bytes)
        == ": keep-alive\n\ndata: {\"error\":{\"message\":\"gone\",\"type\":\"api_error\","
        + "\"param\":null,\"code\":\"bad_gateway\"}}\n\ndata: [DONE]\n\n")
    #expect(try events(text(bytes)).map(\.isDone) == [false, true])
  }
}
