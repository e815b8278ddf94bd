/// How GPT-2 vocabularies spell arbitrary bytes as printable text.
///
/// Bytes that print as themselves in Latin-1 stand for themselves; the other 68 are spelled as the
/// scalars from U+0100 on, in order. A space is spelled "Ġ" (U+0120). Radford et al. 2019,
/// "Language Models are Unsupervised Multitask Learners", section 2.2.
enum ByteAlphabet {
  /// The scalar that spells each byte, `[256]`.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0...255).map { (byte: UInt8) in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
      default:
        defer { next += 1 }
        // All are below U+0144, where every number is a scalar.
        return Unicode.Scalar(next) ?? Unicode.Scalar(byte)
      }
    }
  }()

  /// Appends the spelling of `byte` in UTF-8, one or two bytes.
  static func appendSpelling(of byte: UInt8, to spelled: inout [UInt8]) {
    let value = scalars[Int(byte)].value
    if value < 0x80 {
      spelled.append(UInt8(value))
    } else {
      spelled.append(0xC0 | UInt8(value >> 6))
      spelled.append(0x80 | UInt8(value & 0x3F))
    }
  }

  /// The byte that each scalar below U+0144 spells, or −1, `[0x144]`.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar.value)] = Int16(byte) }
    return bytes
  }()

  /// Appends the bytes that `spelling`, UTF-8, stands for.
  ///
  /// - Returns: `false` if some of it is no spelling of a byte; nothing is appended then.
  static func decode(_ spelling: UnsafeRawBufferPointer, into decoded: inout [UInt8]) -> Bool {
    let start = decoded.count
    var index = 0
    while index < spelling.count {
      var value = Int(spelling[index])
      index += 1
      // Scalars up to U+07FF take one or two bytes, and the alphabet has no greater ones.
      if value >= 0xC2, value <= 0xC5, index < spelling.count, spelling[index] & 0xC0 == 0x80 {
        value = (value & 0x1F) << 6 | Int(spelling[index] & 0x3F)
        index += 1
      } else if value >= 0x80 {
        value = bytes.count
      }
      guard value < bytes.count, bytes[value] >= 0 else {
        decoded.removeSubrange(start...)
        return false
      }
      decoded.append(UInt8(bytes[value]))
    }
    return true
  }
}
