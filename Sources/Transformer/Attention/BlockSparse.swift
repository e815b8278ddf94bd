import Tensors

/// Block-sparse attention: the block of the query, the first one, and those that score best.
///
/// Quest and MoBA choose for each query head; here the heads of a key/value head choose together,
/// by the sum of their scores.
package struct BlockSparse: Hashable, Sendable {
  /// How a block is scored for a query q.
  package enum Selection: Hashable, Sendable {
    /// By a bound on the scores of its keys, Σ_c max(q_c · greatest_c, q_c · least_c).
    ///
    /// Tang et al. 2024, "Quest", section 3.2.
    case quest
    /// By its mean key, q · mean.
    ///
    /// Lu et al. 2025, "MoBA", equation 6. Meant for models that were trained with it.
    case moba
  }

  package let selection: Selection
  /// Keys in a block: 16, 32 or 64.
  package let blockSize: Int
  /// Keys that a position sees, rounded to blocks.
  package let keys: Int
  /// Layers from the first one on that see everything.
  package let denseLayers: Int

  /// - Throws: `invalidRequest` for parameters without meaning.
  package init(
    _ selection: Selection, blockSize: Int = 16, keys: Int, denseLayers: Int = 0
  ) throws(TransformerError) {
    try Self.check(blockSize: blockSize)
    self.selection = selection
    self.blockSize = blockSize
    self.keys = keys
    self.denseLayers = denseLayers
    try rule.check("block-sparse")
  }

  /// Refuses blocks that do not fill a page evenly.
  static func check(blockSize: Int) throws(TransformerError) {
    guard [16, 32, 64].contains(blockSize) else {
      throw TransformerError(
        .invalidRequest, "blocks of \(blockSize) keys; use 16, 32 or 64")
    }
  }

  var rule: BlockSelection {
    BlockSelection(
      summary: KeySummary(selection == .quest ? .ranges : .means, run: blockSize), keys: keys,
      window: 1, sinks: 1, denseLayers: denseLayers)
  }
}
