extension APIError {
  /// Appends the body: `{"error":{…}}` with all four fields, `null` where there is none.
  package func encode(into bytes: inout [UInt8]) {
    JSONWriter.append(to: &bytes) { writer in
      writer.beginObject()
      writer.key("error")
      writer.beginObject()
      writer.member("message", message)
      writer.member("type", type)
      writer.memberOrNull("param", param)
      writer.memberOrNull("code", code)
      writer.endObject()
      writer.endObject()
    }
  }

  /// The body as bytes.
  package func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    encode(into: &bytes)
    return bytes
  }

  /// What an upstream said with a status of 400 or more.
  ///
  /// Reads OpenAI's shape, and what servers that imitate it send instead: `{"error":"text"}`,
  /// `{"message":…,"type":…}` and `{"detail":"text"}`. Anything else becomes a general message; the
  /// body never does. Texts are cut to 1,024 bytes. They may quote the prompt: do not log them.
  package init(status: Int, body: [UInt8]) {
    self.init(
      status: (400...599).contains(status) ? status : 502,
      message: "The upstream answered with status \(status).", type: "api_error")
    let limits = JSONLimits(maximumBytes: 64 << 10)
    guard let value = try? JSONValue(parsing: body, limits: limits) else { return }
    read(value)
  }

  /// The error inside an answer or a streamed chunk, which some servers send with status 200.
  /// `nil` if there is none.
  init?(inside value: JSONValue) {
    guard let error = value["error"], error != .null else { return nil }
    self.init(status: 502, message: "The upstream reported an error.", type: "api_error")
    read(value)
    if case .integer(let code)? = error["code"], (400...599).contains(code) { status = Int(code) }
  }

  private mutating func read(_ value: JSONValue) {
    let error = value["error"] ?? value
    let texts = [error, error["message"], error["detail"]]
    for case .string(let text)?? in texts { message = bounded(text) }
    if case .string(let text)? = error["type"] { type = bounded(text) }
    if case .string(let text)? = error["param"] { param = bounded(text) }
    switch error["code"] {
    case .string(let text)?: code = bounded(text)
    case .integer(let number)?: code = String(number)
    default: break
    }
  }

  private func bounded(_ text: String) -> String {
    guard text.utf8.count > 1_024 else { return text }
    return String(decoding: text.utf8.prefix(1_024), as: UTF8.self)
  }
}
