/// Finds the tokens that are not made by merging in text, at each place the longest.
///
/// User-defined tokens are text of their own kind and are found in any text, as llama.cpp does it:
/// a run of blanks, `<tool_call>`. Control and unknown tokens are found only where it is asked for.
///
/// The spellings are sorted, and each further byte of the text narrows the range of those that
/// still fit, so that a vocabulary of thousands of special tokens costs no more than a few.
struct SpecialTokens: Sendable {
  static let longestSpelling = 256

  private struct Entry: Sendable {
    let spelling: [UInt8]
    let token: Token
  }

  /// In lexicographic order.
  private let entries: [Entry]
  /// Whether a spelling begins with this byte, `[256]`.
  private let isFirstByte: [Bool]

  /// - Parameter belongs: which kinds of tokens are found
  /// - Throws: `unsupportedFile` if a spelling is longer than 256 bytes.
  init(
    _ vocabulary: Vocabulary, where belongs: (TokenKind) -> Bool
  ) throws(TransformerError) {
    var entries: [Entry] = []
    var isFirstByte = [Bool](repeating: false, count: 256)
    for token in 0..<Token(vocabulary.count) {
      guard belongs(vocabulary.kinds[Int(token)]) else { continue }
      let spelling = vocabulary.withSpelling(of: token) { [UInt8]($0) }
      guard let first = spelling.first else { continue }
      guard spelling.count <= Self.longestSpelling else {
        throw TransformerError(
          .unsupportedFile,
          "special token \(token) is spelled with \(spelling.count) bytes; "
            + "at most \(Self.longestSpelling) are supported")
      }
      entries.append(Entry(spelling: spelling, token: token))
      isFirstByte[Int(first)] = true
    }
    // Of tokens spelled alike the first is found.
    self.entries = entries.sorted {
      $0.spelling == $1.spelling
        ? $0.token < $1.token : $0.spelling.lexicographicallyPrecedes($1.spelling)
    }
    self.isFirstByte = isFirstByte
  }

  /// The first special token in `text` at or after `start`, with its place, or `nil`.
  func next(
    in text: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> (token: Token, range: Range<Int>)? {
    for place in start..<text.count where isFirstByte[Int(text[place])] {
      if let (token, length) = longest(in: text, at: place) {
        return (token, place..<place + length)
      }
    }
    return nil
  }

  private func longest(
    in text: UnsafeBufferPointer<UInt8>, at place: Int
  ) -> (Token, length: Int)? {
    var fitting = entries.indices
    var found: (Token, length: Int)?
    var length = 0
    while place + length < text.count {
      let byte = text[place + length]
      let low = partition(fitting) { (spelling: [UInt8]) in
        spelling.count <= length || spelling[length] < byte
      }
      let high = partition(low..<fitting.upperBound) { $0[length] == byte }
      fitting = low..<high
      length += 1
      guard let first = fitting.first else { break }
      // The shortest of those with a common beginning comes first.
      if entries[first].spelling.count == length { found = (entries[first].token, length) }
    }
    return found
  }

  /// The first place in `range` whose spelling does not satisfy `belongs`; those that do come
  /// first.
  private func partition(_ range: Range<Int>, _ belongs: ([UInt8]) -> Bool) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if belongs(entries[middle].spelling) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
