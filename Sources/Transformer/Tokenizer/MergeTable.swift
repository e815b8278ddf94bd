/// Which two neighbouring tokens become one, and how early.
struct MergeTable: Sendable {
  struct Merge: Sendable {
    /// The place in the file's list; of all possible merges the lowest rank is done first.
    let rank: UInt32
    let token: Token
  }

  /// Open addressing.
  private struct Slot: Sendable {
    var pair = UInt64.max
    var merge = Merge(rank: 0, token: -1)

    var isFree: Bool { pair == .max }
  }

  /// Twice those of the largest real vocabulary.
  static let largest = 1 << 20

  private var slots: [Slot]
  private let mask: Int
  /// Different in each process, so that a forged file cannot choose its collisions.
  private let seed = UInt64(truncatingIfNeeded: Hasher().finalize())

  /// Reads `tokenizer.ggml.merges`, each "left right".
  init(_ file: GGUFFile, spellings: SpellingIndex) throws(TransformerError) {
    let key = "tokenizer.ggml.merges"
    guard let array = try file.array(key), array.elementType == .string else {
      throw TransformerError(
        .malformedFile,
        "metadata '\(key)' is missing or holds no strings; convert the model again")
    }
    guard array.count <= Self.largest else {
      throw TransformerError(
        .unsupportedFile, "\(array.count) merges; at most \(Self.largest) are supported")
    }
    var capacity = 16
    while capacity < 2 * array.count { capacity *= 2 }
    slots = [Slot](repeating: Slot(), count: capacity)
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
        throw Self.malformed(
          key, rank, line, "names or makes a token outside the vocabulary, or one that is no text")
      }
      insert(left, right, Merge(rank: UInt32(rank), token: token))
    }
  }

  /// What `left` and `right` become, or `nil` if they stay apart.
  func merge(_ left: Token, _ right: Token) -> Merge? {
    let slot = slots[place(of: Self.pair(left, right))]
    return slot.isFree ? nil : slot.merge
  }

  private mutating func insert(_ left: Token, _ right: Token, _ merge: Merge) {
    let pair = Self.pair(left, right)
    let place = place(of: pair)
    // A pair listed twice keeps its lower rank.
    if slots[place].isFree { slots[place] = Slot(pair: pair, merge: merge) }
  }

  private static func pair(_ left: Token, _ right: Token) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  private func place(of pair: UInt64) -> Int {
    // The finalizer of MurmurHash3.
    var hash = pair ^ seed
    hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
    hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    var place = Int(truncatingIfNeeded: hash ^ (hash >> 33)) & mask
    while slots[place].pair != pair, !slots[place].isFree { place = (place + 1) & mask }
    return place
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
