/// The bytes of all tokens of a vocabulary in lexicographic order, so that tokens with a common
/// beginning are read after a grammar only once.
package struct TokenIndex: Sendable {
  /// Places in the vocabulary.
  let vocabularySize: Int
  /// Tokens that are text, in order of their bytes.
  private let tokens: [Token]
  private let bytes: [UInt8]
  /// Where in `bytes` each token's begin, and after the last where they end.
  private let starts: [Int32]
  /// How many bytes each token has in common with the one before.
  private let shared: [Int32]
  /// By token: its place in the order, −1 for one that is no text.
  private let ranks: [Int32]

  /// - Complexity: O(n log n) of the vocabulary.
  package init(_ tokenizer: Tokenizer) {
    self.init(
      vocabularySize: tokenizer.vocabularySize,
      (0..<Token(tokenizer.vocabularySize)).map { ($0, tokenizer.bytes(of: $0)) })
  }

  /// - Parameter spellings: tokens with their bytes; those without any are left out
  init(vocabularySize: Int, _ spellings: [(token: Token, bytes: [UInt8])]) {
    self.vocabularySize = vocabularySize
    let sorted = spellings.filter { !$0.bytes.isEmpty }
      .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    var bytes: [UInt8] = []
    var starts: [Int32] = [0]
    var shared: [Int32] = []
    var last: [UInt8] = []
    for spelling in sorted {
      shared.append(Int32(zip(last, spelling.bytes).prefix { $0 == $1 }.count))
      bytes += spelling.bytes
      starts.append(Int32(bytes.count))
      last = spelling.bytes
    }
    tokens = sorted.map(\.token)
    var ranks = [Int32](repeating: -1, count: vocabularySize)
    for (rank, spelling) in sorted.enumerated() { ranks[Int(spelling.token)] = Int32(rank) }
    self.ranks = ranks
    self.bytes = bytes
    self.starts = starts
    self.shared = shared
  }

  /// What `token` adds to a text; nothing for one that is no text.
  func bytes(of token: Token) -> ArraySlice<UInt8> {
    guard ranks.indices.contains(Int(token)), ranks[Int(token)] >= 0 else { return [] }
    let rank = Int(ranks[Int(token)])
    return bytes[Int(starts[rank])..<Int(starts[rank + 1])]
  }

  /// The tokens all of whose bytes `reader` may read next, as bits of 64 tokens each.
  ///
  /// - Complexity: O(bytes that no earlier token shares), and where a beginning is not allowed all
  ///   tokens that share it are passed over at once.
  func allowed(by reader: inout GrammarReader) -> [UInt64] {
    var mask = [UInt64](repeating: 0, count: (vocabularySize + 63) / 64)
    // `places[d]` is where the first d bytes of the token at hand lead.
    var places = [reader.place]
    var dead = Int32.max
    for index in tokens.indices {
      let common = shared[index]
      if common > dead { continue }
      dead = .max
      let (start, end) = (starts[index], starts[index + 1])
      places.removeSubrange(Int(common) + 1..<places.count)
      var depth = common
      while start + depth < end {
        let next = reader.next(from: places[Int(depth)], by: bytes[Int(start + depth)])
        guard next != GrammarReader.nowhere else {
          dead = depth
          break
        }
        places.append(next)
        depth += 1
      }
      if dead == .max {
        let token = Int(tokens[index])
        mask[token >> 6] |= 1 << UInt64(token & 63)
      }
    }
    return mask
  }
}
