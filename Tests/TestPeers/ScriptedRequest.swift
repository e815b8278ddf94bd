/// A request as a `ScriptedServer` read it.
package struct ScriptedRequest: Sendable {
  package var method: String
  package var path: String
  /// Names in lower case, in order.
  package var headers: [(name: String, value: String)]
  package var body: String

  /// The values of a header.
  package subscript(header: String) -> [String] {
    headers.filter { $0.name == header }.map(\.value)
  }

  /// Whether the body asks for a stream.
  package var asksForStream: Bool { body.contains(#""stream":true"#) }
}

extension ScriptedRequest {
  /// Cuts bytes into requests with a `Content-Length`.
  struct Reader {
    private var bytes: [UInt8] = []

    mutating func take(_ more: some Sequence<UInt8>) -> [ScriptedRequest] {
      bytes.append(contentsOf: more)
      var requests: [ScriptedRequest] = []
      while let request = next() { requests.append(request) }
      return requests
    }

    private mutating func next() -> ScriptedRequest? {
      guard let end = HTTPHead.end(of: bytes), let head = HTTPHead(bytes[..<end]) else {
        return nil
      }
      let length = head["content-length"].first.flatMap { Int($0) } ?? 0
      guard bytes.count >= end + length else { return nil }
      let body = String(decoding: bytes[end..<end + length], as: UTF8.self)
      bytes.removeFirst(end + length)
      let words = head.firstLine.split(separator: " ").map(String.init)
      return ScriptedRequest(
        method: words.first ?? "", path: words.count > 1 ? words[1] : "", headers: head.headers,
        body: body)
    }
  }
}

/// The first line and the headers of a message.
struct HTTPHead {
  let firstLine: String
  /// Names in lower case.
  let headers: [(name: String, value: String)]

  /// Where the body begins, or `nil` while the head is not complete.
  static func end(of bytes: [UInt8]) -> Int? {
    let mark = Array("\r\n\r\n".utf8)
    guard bytes.count >= mark.count else { return nil }
    return (0...bytes.count - mark.count).first {
      bytes[$0] == mark[0]
        && bytes[$0..<$0 + mark.count].elementsEqual(mark)
    }.map { $0 + mark.count }
  }

  init?(_ bytes: ArraySlice<UInt8>) {
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
    guard let first = lines.first else { return nil }
    firstLine = String(first)
    headers = lines.dropFirst().map { line in
      let colon = line.firstIndex(of: ":") ?? line.endIndex
      let value = line[colon...].dropFirst().drop { $0 == " " }
      return (line[..<colon].lowercased(), String(value))
    }
  }

  subscript(header: String) -> [String] {
    headers.filter { $0.name == header }.map(\.value)
  }
}
