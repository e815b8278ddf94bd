/// Writes compact JSON onto the end of a byte buffer.
///
///     var writer = JSONWriter()
///     writer.beginObject()
///     writer.member("id", "chatcmpl-1")
///     writer.endObject()
///     writer.bytes  // {"id":"chatcmpl-1"}
///
/// The same calls write the same bytes always. Balanced brackets are the caller's duty; commas are
/// the writer's. A number that is not finite has no spelling in JSON and is written as `null`, so
/// that no caller needs an error path: fields in which null is not allowed are bounded before.
package struct JSONWriter: Sendable {
  /// What was written, after what the buffer held before.
  package private(set) var bytes: [UInt8]
  private var needsComma = false

  /// A writer into a buffer of its own.
  package init() {
    bytes = []
  }

  /// Lets `body` write onto the end of `bytes`, which are lent to the writer and not copied.
  package static func append(to bytes: inout [UInt8], _ body: (inout JSONWriter) -> Void) {
    var writer = JSONWriter()
    swap(&writer.bytes, &bytes)
    body(&writer)
    swap(&writer.bytes, &bytes)
  }

  /// Opens an object as the next value.
  package mutating func beginObject() { open(UInt8(ascii: "{")) }

  /// Closes the innermost object.
  package mutating func endObject() { close(UInt8(ascii: "}")) }

  /// Opens an array as the next value.
  package mutating func beginArray() { open(UInt8(ascii: "[")) }

  /// Closes the innermost array.
  package mutating func endArray() { close(UInt8(ascii: "]")) }

  /// Writes a key; its value must follow.
  package mutating func key(_ key: String) {
    separate()
    JSONWriter.append(key, to: &bytes)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// Writes a string.
  package mutating func value(_ value: String) {
    separate()
    JSONWriter.append(value, to: &bytes)
  }

  /// Writes an integer.
  package mutating func value(_ value: Int) { self.value(Int64(value)) }

  /// Writes an integer of 64 bits.
  package mutating func value(_ value: Int64) {
    separate()
    JSONWriter.append(value, to: &bytes)
  }

  /// Writes a number, or `null` if it is not finite.
  package mutating func value(_ value: Double) {
    separate()
    bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
  }

  /// Writes a number by the fewest digits that tell it from other floats, or `null` if it is not
  /// finite.
  package mutating func value(_ value: Float) {
    separate()
    bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
  }

  /// Writes `true` or `false`.
  package mutating func value(_ value: Bool) {
    separate()
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
  }

  /// Writes `null`.
  package mutating func null() {
    separate()
    bytes.append(contentsOf: "null".utf8)
  }

  /// Writes a whole value, in the order of its members.
  package mutating func value(_ value: JSONValue) {
    switch value {
    case .null: null()
    case .bool(let bool): self.value(bool)
    case .integer(let integer): self.value(integer)
    case .double(let double): self.value(double)
    case .string(let string): self.value(string)
    case .array(let elements):
      beginArray()
      for element in elements { self.value(element) }
      endArray()
    case .object(let object):
      beginObject()
      for member in object.members { self.member(member.key, member.value) }
      endObject()
    }
  }

  private mutating func open(_ bracket: UInt8) {
    separate()
    bytes.append(bracket)
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    bytes.append(bracket)
    needsComma = true
  }

  @inline(__always) private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }
}

// MARK: - Members

extension JSONWriter {
  /// Writes a string member; nothing if the value is `nil`.
  package mutating func member(_ key: String, _ value: String?) {
    guard let value else { return }
    self.key(key)
    self.value(value)
  }

  /// Writes an integer member; nothing if the value is `nil`.
  package mutating func member(_ key: String, _ value: Int?) {
    guard let value else { return }
    self.key(key)
    self.value(value)
  }

  /// Writes an integer member of 64 bits; nothing if the value is `nil`.
  package mutating func member(_ key: String, _ value: Int64?) {
    guard let value else { return }
    self.key(key)
    self.value(value)
  }

  /// Writes a number member, `null` if it is not finite; nothing if the value is `nil`.
  package mutating func member(_ key: String, _ value: Double?) {
    guard let value else { return }
    self.key(key)
    self.value(value)
  }

  /// Writes a boolean member; nothing if the value is `nil`.
  package mutating func member(_ key: String, _ value: Bool?) {
    guard let value else { return }
    self.key(key)
    self.value(value)
  }

  /// Writes a member of any shape; nothing if the value is `nil`, `null` if it is JSON's null.
  package mutating func member(_ key: String, _ value: JSONValue?) {
    guard let value else { return }
    self.key(key)
    self.value(value)
  }

  /// Writes `null` under a key.
  package mutating func nullMember(_ key: String) {
    self.key(key)
    null()
  }

  /// Writes a string member, or `null` under the key.
  package mutating func memberOrNull(_ key: String, _ value: String?) {
    self.key(key)
    if let value { self.value(value) } else { null() }
  }
}

// MARK: - Bytes

extension JSONWriter {
  /// Appends a string in quotes, escaping what JSON requires: quotes, backslashes and U+0000 to
  /// U+001F. Everything else stays as it is.
  package static func append(_ text: String, to bytes: inout [UInt8]) {
    var text = text
    bytes.append(UInt8(ascii: "\""))
    text.withUTF8 { escape($0, to: &bytes) }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Appends an integer in decimal digits.
  package static func append(_ value: Int64, to bytes: inout [UInt8]) {
    var rest = value.magnitude
    if value < 0 { bytes.append(UInt8(ascii: "-")) }
    let first = bytes.count
    repeat {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    bytes[first...].reverse()
  }

  private static func escape(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
    var start = 0
    while true {
      let end = PlainRun(in: text, from: start).end
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<end]))
      guard end < text.count else { return }
      appendEscape(of: text[end], to: &bytes)
      start = end + 1
    }
  }

  private static func appendEscape(of byte: UInt8, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\n"): bytes.append(UInt8(ascii: "n"))
    case UInt8(ascii: "\r"): bytes.append(UInt8(ascii: "r"))
    case UInt8(ascii: "\t"): bytes.append(UInt8(ascii: "t"))
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
    default:
      bytes.append(contentsOf: "u00".utf8)
      bytes.append(UInt8(ascii: "0") + byte >> 4)
      let low = byte & 0xF
      bytes.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
    }
  }
}

extension JSONValue {
  /// This value as compact JSON; members keep their order, numbers that are not finite are `null`.
  package func encoded() -> [UInt8] {
    var writer = JSONWriter()
    writer.value(self)
    return writer.bytes
  }
}
