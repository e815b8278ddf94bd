import Tensors

/// Sinks, a local window, and the blocks between them that a learned gate scores best; the first
/// layers see all.
///
/// The gate is distilled from the model's own attention, whose weights stay as they are: Gao et al.
/// 2024, "SeerAttention".
package struct Gated: Hashable, Sendable {
  package let gate: Gate
  /// Keys that a position sees, sinks and window included, rounded to the gate's blocks.
  package let keys: Int
  /// The last positions, the query's own included.
  package let window: Int
  /// The first positions; the rest of their blocks is seen with them.
  package let sinks: Int
  /// Layers from the first one on that see everything.
  package let denseLayers: Int

  /// - Throws: `invalidRequest` for parameters without meaning.
  package init(
    _ gate: Gate, keys: Int, window: Int = 128, sinks: Int = 4, denseLayers: Int = 2
  ) throws(TransformerError) {
    self.gate = gate
    self.keys = keys
    self.window = window
    self.sinks = sinks
    self.denseLayers = denseLayers
    try rule.check("gated")
  }

  var rule: BlockSelection {
    BlockSelection(
      summary: gate.summary, keys: keys, window: window, sinks: sinks, denseLayers: denseLayers,
      gate: gate)
  }
}
