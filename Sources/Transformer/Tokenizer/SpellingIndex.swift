#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Finds tokens by their spelling.
///
/// Open addressing over token ids, with the spellings left in the vocabulary. Swift's seeded hash
/// keeps a forged vocabulary from choosing its collisions.
struct SpellingIndex: Sendable {
  private struct Slot: Sendable {
    /// −1 where the slot is free.
    var token: Token = -1
    /// Bits of the hash, so that other spellings are seldom looked at.
    var tag: UInt32 = 0
  }

  /// Bytes of the longest spelling that can be found.
  private(set) var longest = 0
  private let vocabulary: Vocabulary
  private var slots: [Slot]
  private let mask: Int

  /// - Parameter belongs: which kinds of tokens can be found
  init(_ vocabulary: Vocabulary, where belongs: (TokenKind) -> Bool = { _ in true }) {
    self.vocabulary = vocabulary
    var capacity = 16
    while capacity < 2 * vocabulary.count { capacity *= 2 }
    slots = [Slot](repeating: Slot(), count: capacity)
    mask = capacity - 1
    for token in 0..<Token(vocabulary.count) where belongs(vocabulary.kinds[Int(token)]) {
      longest = max(longest, vocabulary.withSpelling(of: token) { $0.count })
      let (place, tag) = vocabulary.withSpelling(of: token) { self.place(of: $0) }
      // Of tokens spelled alike the first can be found.
      if slots[place].token < 0 { slots[place] = Slot(token: token, tag: tag) }
    }
  }

  /// The token spelled so, or `nil`.
  func token(spelled spelling: UnsafeRawBufferPointer) -> Token? {
    let token = slots[place(of: spelling).place].token
    return token < 0 ? nil : token
  }

  /// Where that spelling is, or the free place where it would be. At least half of all are free.
  private func place(of spelling: UnsafeRawBufferPointer) -> (place: Int, tag: UInt32) {
    var hasher = Hasher()
    hasher.combine(bytes: spelling)
    let hash = hasher.finalize()
    let tag = UInt32(truncatingIfNeeded: hash >> 32)
    var place = hash & mask
    while slots[place].token >= 0 {
      if slots[place].tag == tag, isSpelled(slots[place].token, spelling) { break }
      place = (place + 1) & mask
    }
    return (place, tag)
  }

  private func isSpelled(_ token: Token, _ spelling: UnsafeRawBufferPointer) -> Bool {
    vocabulary.withSpelling(of: token) { own in
      guard own.count == spelling.count else { return false }
      guard let left = own.baseAddress, let right = spelling.baseAddress else { return true }
      return memcmp(left, right, own.count) == 0
    }
  }
}
