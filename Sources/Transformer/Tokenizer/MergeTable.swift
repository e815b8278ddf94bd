/// Which two neighbouring tokens become one, and how early.
struct MergeTable: Sendable {
  struct Merge: Equatable {
    /// The place in the file's list; of all possible merges the lowest rank is done first.
    let rank: UInt32
    let token: Token
  }

  /// Open addressing: pairs, and for each pair its rank and token.
  private var pairs: [UInt64]
  private var merges: [UInt64]
  private let mask: Int
  /// Different in each process, so that a forged file cannot choose its collisions.
  private let seed = UInt64(truncatingIfNeeded: Hasher().finalize())
  private static let free = UInt64.max

  /// Reads `tokenizer.ggml.merges`, each "left right".
  init(_ file: GGUFFile, spellings: SpellingIndex) throws(TransformerError) {
    let key = "tokenizer.ggml.merges"
    guard let array = try file.array(key), array.elementType == .string else {
      throw TransformerError(
        .malformedFile,
        "metadata '\(key)' is missing or holds no strings; convert the model again")
    }
    var capacity = 16
    while capacity < 2 * array.count { capacity *= 2 }
    pairs = [UInt64](repeating: Self.free, count: capacity)
    merges = [UInt64](repeating: 0, count: capacity)
    mask = capacity - 1
    var joined: [UInt8] = []
    try array.forEachString { (rank, line) throws(TransformerError) in
      // Byte-level spellings contain no space, so that the first one is the separator.
      guard let space = line.dropFirst().firstIndex(of: 0x20) else {
        throw Self.malformed(key, rank, line, "has no space in the middle")
      }
      joined.removeAll(keepingCapacity: true)
      joined.append(contentsOf: line[..<space])
      joined.append(contentsOf: line[(space + 1)...])
      guard
        let left = spellings.token(spelled: UnsafeRawBufferPointer(rebasing: line[..<space])),
        let right = spellings.token(
          spelled: UnsafeRawBufferPointer(rebasing: line[(space + 1)...])),
        let token = joined.withUnsafeBytes({ spellings.token(spelled: $0) })
      else {
        throw Self.malformed(key, rank, line, "names or makes a token outside the vocabulary")
      }
      insert(left, right, Merge(rank: UInt32(rank), token: token))
    }
  }

  /// What `left` and `right` become, or `nil` if they stay apart.
  func merge(_ left: Token, _ right: Token) -> Merge? {
    let pair = Self.pair(left, right)
    let slot = slot(of: pair)
    guard pairs[slot] == pair else { return nil }
    return Merge(
      rank: UInt32(truncatingIfNeeded: merges[slot] >> 32),
      token: Token(truncatingIfNeeded: merges[slot]))
  }

  private mutating func insert(_ left: Token, _ right: Token, _ merge: Merge) {
    let pair = Self.pair(left, right)
    let slot = slot(of: pair)
    // A pair listed twice keeps its lower rank.
    guard pairs[slot] == Self.free else { return }
    pairs[slot] = pair
    merges[slot] = UInt64(merge.rank) << 32 | UInt64(UInt32(bitPattern: merge.token))
  }

  private static func pair(_ left: Token, _ right: Token) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  private func slot(of pair: UInt64) -> Int {
    // The finalizer of MurmurHash3.
    var hash = pair ^ seed
    hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
    hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    var slot = Int(truncatingIfNeeded: hash ^ (hash >> 33)) & mask
    while pairs[slot] != pair, pairs[slot] != Self.free { slot = (slot + 1) & mask }
    return slot
  }

  private static func malformed(
    _ key: String, _ rank: Int, _ line: UnsafeRawBufferPointer, _ what: String
  ) -> TransformerError {
    let shown = String(decoding: line.prefix(64), as: UTF8.self)
    return TransformerError(
      .malformedFile,
      "element \(rank) of metadata '\(key)', '\(shown)', \(what); convert the model again")
  }
}
