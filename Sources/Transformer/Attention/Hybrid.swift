import Tensors

/// Sinks, a local window, and the blocks between them that score best; the first layers see all.
///
/// The parts are those of StreamingLLM (Xiao et al. 2023) and of Quest (Tang et al. 2024) or MoBA
/// (Lu et al. 2025), none of which needs training when they are put together.
package struct Hybrid: Hashable, Sendable {
  /// How a block is scored for a query q.
  package enum Selection: Hashable, Sendable {
    /// By its mean key, q · mean.
    case means
    /// By Quest's bound, Σ_c max(q_c · greatest_c, q_c · least_c).
    case quest
  }

  package let selection: Selection
  /// Keys in a block: 16, 32 or 64.
  package let blockSize: Int
  /// Keys that a position sees, sinks and window included, rounded to blocks.
  package let keys: Int
  /// The last positions, the query's own included.
  package let window: Int
  /// The first positions; the rest of their blocks is seen with them.
  package let sinks: Int
  /// Layers from the first one on that see everything.
  package let denseLayers: Int

  /// - Throws: `invalidRequest` for parameters without meaning.
  package init(
    _ selection: Selection = .means, blockSize: Int = 16, keys: Int, window: Int = 128,
    sinks: Int = 4, denseLayers: Int = 2
  ) throws(TransformerError) {
    try BlockSparse.check(blockSize: blockSize)
    self.selection = selection
    self.blockSize = blockSize
    self.keys = keys
    self.window = window
    self.sinks = sinks
    self.denseLayers = denseLayers
    try rule.check("hybrid")
  }

  var rule: BlockSelection {
    BlockSelection(
      summary: KeySummary(selection == .quest ? .ranges : .means, run: blockSize), keys: keys,
      window: window, sinks: sinks, denseLayers: denseLayers)
  }
}
