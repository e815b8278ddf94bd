/// Finds tokens by their spelling, while a tokenizer is being built.
///
/// Open addressing over token ids, with the spellings left in the vocabulary. Swift's seeded hash
/// keeps a forged vocabulary from choosing its collisions.
struct SpellingIndex {
  private let vocabulary: Vocabulary
  private var slots: [Token]
  private let mask: Int

  init(_ vocabulary: Vocabulary) {
    self.vocabulary = vocabulary
    var capacity = 16
    while capacity < 2 * vocabulary.count { capacity *= 2 }
    slots = [Token](repeating: -1, count: capacity)
    mask = capacity - 1
    for token in 0..<Token(vocabulary.count) {
      let slot = vocabulary.spelling(of: token).withUnsafeBytes { self.slot(of: $0) }
      // Of tokens spelled alike the first can be found.
      if slots[slot] < 0 { slots[slot] = token }
    }
  }

  /// The token spelled so, or `nil`.
  func token(spelled spelling: UnsafeRawBufferPointer) -> Token? {
    let token = slots[slot(of: spelling)]
    return token < 0 ? nil : token
  }

  /// Where that spelling is, or the free place where it would be. At least half of all are free.
  private func slot(of spelling: UnsafeRawBufferPointer) -> Int {
    var hasher = Hasher()
    hasher.combine(bytes: spelling)
    var slot = hasher.finalize() & mask
    while slots[slot] >= 0, !isSpelled(slots[slot], spelling) {
      slot = (slot + 1) & mask
    }
    return slot
  }

  private func isSpelled(_ token: Token, _ spelling: UnsafeRawBufferPointer) -> Bool {
    vocabulary.spelling(of: token).withUnsafeBytes {
      $0.count == spelling.count && $0.elementsEqual(spelling)
    }
  }
}
