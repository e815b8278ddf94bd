/// Turns one word into tokens: starts with its bytes and does the earliest-ranked merge, leftmost
/// first, until none is left. Sennrich et al. 2016, "Neural Machine Translation of Rare Words with
/// Subword Units".
///
/// The word is a linked list and the possible merges are a heap, so that a word of n bytes takes
/// O(n log n) steps, where searching for each next merge would take n². Holds scratch memory that
/// the next word uses again.
struct BytePairEncoder {
  private let merges: MergeTable
  /// The token of each single byte, or −1 where the vocabulary has none.
  private let byteTokens: [Token]
  /// The list: token, and neighbours. A token of −1 has become part of the one before.
  private var tokens: [Token] = []
  private var previous: [Int32] = []
  private var next: [Int32] = []
  /// rank · 2³² + place: the order of the heap is the order of merging.
  private var heap = MergeHeap<UInt64>()

  init(merges: MergeTable, byteTokens: [Token]) {
    self.merges = merges
    self.byteTokens = byteTokens
  }

  /// Appends the tokens of `word` to `output`.
  ///
  /// Bytes without a token are left out, as the reference implementation does.
  ///
  /// - Parameter word: at most 2³¹ − 1 bytes
  mutating func encode(_ word: Slice<UnsafeBufferPointer<UInt8>>, into output: inout [Token]) {
    tokens.removeAll(keepingCapacity: true)
    for byte in word where byteTokens[Int(byte)] >= 0 { tokens.append(byteTokens[Int(byte)]) }
    if tokens.count > 1 { mergeAll() }
    for token in tokens where token >= 0 { output.append(token) }
  }

  private mutating func mergeAll() {
    let count = Int32(tokens.count)
    previous.removeAll(keepingCapacity: true)
    next.removeAll(keepingCapacity: true)
    heap.removeAll()
    for place in 0..<count {
      previous.append(place - 1)
      next.append(place + 1 < count ? place + 1 : -1)
    }
    for place in 0..<count - 1 { push(at: place) }
    while let entry = heap.pop() {
      let place = Int(entry & 0xFFFF_FFFF)
      // Merges nearby may have overtaken this one. A rank belongs to one pair, so that the same
      // rank at the same place means that the pair is still there.
      guard tokens[place] >= 0, next[place] >= 0,
        let merge = merges.merge(tokens[place], tokens[Int(next[place])]),
        UInt64(merge.rank) == entry >> 32
      else { continue }
      let absorbed = Int(next[place])
      tokens[place] = merge.token
      tokens[absorbed] = -1
      next[place] = next[absorbed]
      if next[place] >= 0 {
        previous[Int(next[place])] = Int32(place)
        push(at: Int32(place))
      }
      if previous[place] >= 0 { push(at: previous[place]) }
    }
  }

  /// Puts the merge of the token at `place` with its successor on the heap, if there is one.
  private mutating func push(at place: Int32) {
    let following = Int(next[Int(place)])
    guard let merge = merges.merge(tokens[Int(place)], tokens[following]) else { return }
    heap.push(UInt64(merge.rank) << 32 | UInt64(place))
  }
}
