/// Text that people read in a terminal or a log, from people who may wish them ill.
///
/// Control characters move a terminal's cursor or change its title, line separators forge lines,
/// and direction overrides make a text look like another ("Trojan Source", Boucher & Anderson
/// 2021).
package enum PlainText {
  /// Whether a terminal shows `text` as what it is.
  package static func isPlain(_ text: String) -> Bool { text.unicodeScalars.allSatisfy(isPlain) }

  /// `text` with what is not plain written out: `\u{1b}`.
  package static func escaping(_ text: String) -> String {
    if isPlain(text) { return text }
    var escaped = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isPlain(scalar) {
        escaped.append(scalar)
      } else {
        escaped.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
      }
    }
    return String(escaped)
  }

  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x1F, 0x7F...0x9F, 0x2028, 0x2029: false
    case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF: false
    case 0xE0000...0xE007F: false
    default: true
    }
  }
}
