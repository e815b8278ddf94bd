/// What an answer must look like: a grammar over the bytes of a vocabulary. Shared by all answers
/// that ask for it.
package struct OutputConstraint: Sendable {
  let grammar: Grammar
  let index: TokenIndex
  /// Tokens that end an answer; allowed where it is complete, and only there.
  let endTokens: Set<Token>

  /// A constraint; `endTokens` has at least one.
  package init(_ grammar: Grammar, index: TokenIndex, endTokens: Set<Token>) {
    self.grammar = grammar
    self.index = index
    self.endTokens = endTokens
  }
}

/// One answer on its way through a constraint: which tokens may come next.
struct ConstrainedAnswer: Sendable {
  /// Masks that are kept; a few kilobytes each.
  private static let maskLimit = 256

  private let constraint: OutputConstraint
  private var reader: GrammarReader
  private var masks: [GrammarReader.Place: [UInt64]] = [:]
  private var generation = 0

  init(_ constraint: OutputConstraint) {
    self.constraint = constraint
    reader = GrammarReader(constraint.grammar)
  }

  /// Sets the logits of all tokens that may not come next to −∞.
  ///
  /// - Parameter logits: `[vocabularySize]`; tokens beyond the constraint's vocabulary are excluded
  /// - Returns: whether any token is left
  mutating func exclude(from logits: UnsafeMutableBufferPointer<Float>) -> Bool {
    let mask = mask()
    var isAnyLeft = false
    for (word, bits) in mask.enumerated() {
      let first = word << 6
      for token in first..<min(first + 64, logits.count) {
        if bits >> UInt64(token - first) & 1 == 1 {
          isAnyLeft = true
        } else {
          logits[token] = -.infinity
        }
      }
    }
    for token in min(mask.count << 6, logits.count)..<logits.count { logits[token] = -.infinity }
    return isAnyLeft
  }

  private mutating func mask() -> [UInt64] {
    if reader.generation != generation || masks.count >= Self.maskLimit {
      masks = [:]
      generation = reader.generation
    }
    if let known = masks[reader.place] { return known }
    var mask = constraint.index.allowed(by: &reader)
    if reader.isComplete {
      for token in constraint.endTokens where Int(token) < constraint.index.vocabularySize {
        mask[Int(token) >> 6] |= 1 << UInt64(Int(token) & 63)
      }
    }
    masks[reader.place] = mask
    return mask
  }

  /// Goes on after a token that was allowed.
  mutating func take(_ token: Token) {
    guard !constraint.endTokens.contains(token) else { return }
    for byte in constraint.index.bytes(of: token) { reader.read(byte) }
  }
}
