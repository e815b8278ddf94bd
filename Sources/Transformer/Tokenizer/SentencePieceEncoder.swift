/// Turns one text into pieces: starts with its characters and does the merge to the piece with the
/// greatest score, leftmost first, until no two neighbours make a piece.
///
/// The text is a linked list and the possible merges are a heap: O(n log n) for n characters, each
/// step with one look at a piece of bounded length. Holds scratch memory that the next text uses
/// again.
struct SentencePieceEncoder {
  private let vocabulary: SentencePieces
  /// The text with "▁" for spaces.
  private var text: [UInt8] = []
  /// The list, by number of the character: where a symbol begins, its bytes (0 if it has become
  /// part of the one before), and its neighbours (−1 if none).
  private var starts: [Int32] = []
  private var lengths: [Int32] = []
  private var previous: [Int32] = []
  private var next: [Int32] = []
  private var heap = MergeHeap<Merge>()

  private struct Merge: Comparable {
    let score: Float
    let left: Int32
    let right: Int32
    /// Of both together: another length means that they have changed since.
    let length: Int32

    static func < (one: Merge, other: Merge) -> Bool {
      one.score == other.score ? one.left < other.left : one.score > other.score
    }
  }

  init(_ vocabulary: SentencePieces) {
    self.vocabulary = vocabulary
  }

  /// Appends the tokens of `source`.
  ///
  /// - Parameters:
  ///   - source: valid UTF-8, at most 2²⁹ bytes; what is beyond is left out
  ///   - hasPrefix: whether a space goes before it
  mutating func encode(
    _ source: UnsafeBufferPointer<UInt8>, hasPrefix: Bool, into output: inout [Token]
  ) {
    spell(source, hasPrefix: hasPrefix)
    splitIntoCharacters()
    heap.removeAll()
    for right in starts.indices.dropFirst() { push(Int32(right - 1), Int32(right)) }
    while let merge = heap.pop() { apply(merge) }
    for symbol in starts.indices where lengths[symbol] > 0 { append(symbol, to: &output) }
  }

  private mutating func spell(_ source: UnsafeBufferPointer<UInt8>, hasPrefix: Bool) {
    text.removeAll(keepingCapacity: true)
    if hasPrefix { text += SentencePieces.space }
    for byte in source.prefix(1 << 29) {
      if byte == 0x20 { text += SentencePieces.space } else { text.append(byte) }
    }
  }

  private mutating func splitIntoCharacters() {
    starts.removeAll(keepingCapacity: true)
    for (index, byte) in text.enumerated() where index == 0 || byte & 0xC0 != 0x80 {
      starts.append(Int32(index))
    }
    let count = Int32(starts.count)
    lengths.removeAll(keepingCapacity: true)
    previous.removeAll(keepingCapacity: true)
    next.removeAll(keepingCapacity: true)
    for symbol in 0..<count {
      let end = symbol + 1 < count ? starts[Int(symbol) + 1] : Int32(text.count)
      lengths.append(end - starts[Int(symbol)])
      previous.append(symbol - 1)
      next.append(symbol + 1 < count ? symbol + 1 : -1)
    }
  }

  private mutating func apply(_ merge: Merge) {
    let (left, right) = (Int(merge.left), Int(merge.right))
    guard lengths[left] > 0, lengths[right] > 0, lengths[left] + lengths[right] == merge.length
    else { return }
    lengths[left] = merge.length
    lengths[right] = 0
    next[left] = next[right]
    if next[left] >= 0 {
      previous[Int(next[left])] = merge.left
      push(merge.left, next[left])
    }
    if previous[left] >= 0 { push(previous[left], merge.left) }
  }

  private func append(_ symbol: Int, to output: inout [Token]) {
    let range = Int(starts[symbol])..<Int(starts[symbol] + lengths[symbol])
    if let token = piece(range) {
      output.append(token)
    } else {
      for byte in text[range] { output.append(vocabulary.byteTokens[Int(byte)]) }
    }
  }

  private func piece(_ range: Range<Int>) -> Token? {
    guard range.count <= min(vocabulary.pieces.longest, SentencePieces.longestPiece) else {
      return nil
    }
    return text.withUnsafeBytes {
      vocabulary.pieces.token(spelled: UnsafeRawBufferPointer(rebasing: $0[range]))
    }
  }

  /// Puts the merge of two neighbours on the heap, if they make a piece.
  private mutating func push(_ left: Int32, _ right: Int32) {
    let length = lengths[Int(left)] + lengths[Int(right)]
    let start = Int(starts[Int(left)])
    guard let token = piece(start..<start + Int(length)) else { return }
    heap.push(
      Merge(score: vocabulary.scores[Int(token)], left: left, right: right, length: length))
  }
}
