/// Why bytes are not JSON that we accept, and where.
///
/// The message never quotes the content of the document except for a duplicate key, shortened: what
/// people write to a model does not belong into logs.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What is wrong, in kinds that a caller may tell apart.
  package enum Code: String, Hashable, Sendable, CaseIterable {
    case empty
    case unexpectedEnd = "unexpected_end"
    case unexpectedByte = "unexpected_byte"
    /// Something other than white space after the value: a second document, for example.
    case trailingBytes = "trailing_bytes"
    case byteOrderMark = "byte_order_mark"
    case comment
    case trailingComma = "trailing_comma"
    /// Two members of one object have the same key, however it was escaped.
    case duplicateKey = "duplicate_key"
    case depthExceeded = "depth_exceeded"
    case sizeExceeded = "size_exceeded"
    /// `01`, `1.`, `.5`, `+1`, `1e`.
    case malformedNumber = "malformed_number"
    /// A number that no finite double holds: `1e400`.
    case numberOutOfRange = "number_out_of_range"
    /// `NaN`, `Infinity`, `-Infinity`.
    case notANumber = "not_a_number"
    case malformedEscape = "malformed_escape"
    case loneSurrogate = "lone_surrogate"
    /// U+0000, written raw or as `\u0000` where that is not accepted.
    case nul
    /// U+0001 to U+001F, unescaped inside a string.
    case controlCharacter = "control_character"
    case invalidUTF8 = "invalid_utf8"
  }

  package let code: Code
  /// Of the offending byte, from 0.
  package let offset: Int
  /// From 1. Lines end at LF.
  package let line: Int
  /// From 1, in bytes.
  package let column: Int
  /// What is wrong and how to mend it, without the place.
  package let reason: String

  /// The reason with its place, in one line.
  package var description: String { "line \(line), column \(column): \(reason)" }

  /// An error at `offset` of `bytes`, whose line and column are counted here.
  init(_ code: Code, at offset: Int, in bytes: UnsafeBufferPointer<UInt8>, _ reason: String) {
    var line = 1
    var lineStart = 0
    for index in 0..<min(offset, bytes.count) where bytes[index] == UInt8(ascii: "\n") {
      line += 1
      lineStart = index + 1
    }
    self.code = code
    self.offset = offset
    self.line = line
    column = offset - lineStart + 1
    self.reason = reason
  }
}
