import Crypto

/// What binds each entry of the journal to all before it.
///
/// The hash of an entry is SHA-256 over `rollout-journal-1` and then, in this order, the previous
/// hash, sequence, encoding, title, rollout, event, actor, reason and time in milliseconds. Each is
/// UTF-8 text (numbers in decimal) behind its length in bytes as 8 bytes, big end first; an absent
/// one is the length 2⁶⁴ − 1 alone. So no two different entries are the same bytes.
/// `fixtures/journal/verify.py` does the same in another language.
enum JournalChain {
  static func hash(of row: JournalRow) -> String {
    var hash = SHA256()
    hash.update(data: Array("rollout-journal-1".utf8))
    let fields: [String?] = [
      row.previousHash, String(row.sequence), String(row.encoding), row.title, row.rollout,
      row.event, row.actor, row.reason, String(row.atMilliseconds),
    ]
    for field in fields {
      let bytes = field.map { Array($0.utf8) }
      let length = bytes.map { UInt64($0.count) } ?? .max
      withUnsafeBytes(of: length.bigEndian) { hash.update(bufferPointer: $0) }
      if let bytes { hash.update(data: bytes) }
    }
    return hash.finalize().map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}
