import Tensors

/// Reads another model's answer to a prompt that is in a cache already, and notes what this model
/// ranks first at each place of it.
///
/// Works on a copy of the cache, which shares the prompt's pages: the prompt is not read again, and
/// the answer that goes on from the original does not notice.
struct SideReading {
  private let text: [Token]
  private let variant: ModelVariant
  private var cache: KeyValueCache
  /// What is ranked first at the places read so far.
  private(set) var top: [Token]

  /// `nil` for no text, and for logits that are not numbers.
  ///
  /// - Parameters:
  ///   - text: what to read
  ///   - variant: of the cache and the pass
  ///   - cache: holds the prompt
  ///   - pass: the one that read the prompt's end, with the logits of its last row in row 0
  init?(
    _ text: [Token], _ variant: ModelVariant, after cache: KeyValueCache, _ pass: ForwardPass
  ) {
    guard !text.isEmpty, let first = Self.best(pass, row: 0) else { return nil }
    self.text = text
    self.variant = variant
    self.cache = cache
    top = [first]
  }

  var isComplete: Bool { top.count == text.count }

  /// Reads the next chunk; gives the cache back after the last.
  mutating func read(_ pass: ForwardPass) throws(TransformerError) {
    // The last token predicts nothing that is asked for.
    let chunk = variant.chunk(text[(top.count - 1)..<(text.count - 1)], after: cache)
    try pass.run(chunk, of: variant, cache: &cache)
    var row = 0
    while row < chunk.count {
      let rows = row..<min(row + Workspace.logitRows, chunk.count)
      pass.computeLogits(rows: rows)
      for index in 0..<rows.count {
        guard let best = Self.best(pass, row: index) else {
          throw TransformerError(.notANumber, "a logit of the text read along is not a number")
        }
        top.append(best)
      }
      row = rows.upperBound
    }
    if isComplete { cache.removeAll() }
  }

  private static func best(_ pass: ForwardPass, row: Int) -> Token? {
    let logits = UnsafeBufferPointer(pass.workspace.logits(row: row))
    let index = pass.kernels.indexOfGreatest(logits)
    return logits[index].isFinite ? Token(index) : nil
  }
}
