import Statistics
import Transformer

/// What one variant's comparisons with the reference add up to, block by block.
///
/// Tokens of one text are not independent: what makes one hard to predict makes its neighbours
/// hard.
/// So the unit is a *block* of successive tokens, all of one window, and intervals are those of the
/// blocks' means (the method of batch means). Intervals over single tokens would be too narrow.
struct DivergenceTally: Sendable {
  /// Long against the sentences that tie tokens together, short enough to have many.
  static let blockTokens = 256

  private(set) var logProbabilitySum = 0.0
  private(set) var divergences: [Double] = []
  /// Means over each block: of ln(p reference / p variant), of the divergence, of equal first
  /// tokens.
  private(set) var logRatios: [Double] = []
  private(set) var blockDivergences: [Double] = []
  private(set) var sameTops: [Double] = []

  /// Takes one window in, cut into equal blocks of about `blockTokens`; a shorter one is one block.
  ///
  /// - Parameters:
  ///   - tokens: of the variant, not empty
  ///   - reference: natural logarithms, one for each token
  mutating func add(_ tokens: [TextComparison.TokenDivergence], reference: [Double]) {
    let blocks = max(1, tokens.count / Self.blockTokens)
    for block in 0..<blocks {
      let range = block * tokens.count / blocks..<(block + 1) * tokens.count / blocks
      let count = Double(range.count)
      logRatios.append(
        range.reduce(0) { $0 + reference[$1] - tokens[$1].logProbability } / count)
      blockDivergences.append(range.reduce(0) { $0 + tokens[$1].divergence } / count)
      sameTops.append(range.reduce(0) { $0 + (tokens[$1].hasSameTop ? 1 : 0) } / count)
    }
    divergences += tokens.map(\.divergence)
    logProbabilitySum += tokens.reduce(0) { $0 + $1.logProbability }
  }

  /// The divergence that 99 of 100 tokens do not exceed: the ⌈0.99 n⌉-th least. `nil` below 100.
  var percentile99: Double? {
    guard divergences.count >= 100 else { return nil }
    return divergences.sorted()[(divergences.count * 99 + 99) / 100 - 1]
  }
}
