import Tensors

/// The rule that `blockSparse`, `hybrid` and `gated` share: the first keys, the last ones, and
/// between them the blocks that score best for a tile of queries.
///
/// Blocks are counted from the text's beginning. A tile shares one selection among its positions
/// and among the query heads of a key/value head, so that what is not selected is never touched;
/// in decoding a tile is one position.
struct BlockSelection: Hashable {
  let summary: KeySummary
  /// Keys that a position sees at most, up to one block more.
  let keys: Int
  /// The last positions that are always seen, at least 1.
  let window: Int
  /// The first positions that are always seen, with the rest of their blocks.
  let sinks: Int
  /// Layers that see everything: in the first ones attention is spread widely.
  let denseLayers: Int
  /// What weighs queries against summaries; `nil` where every channel counts alike.
  var gate: Gate?

  /// Positions of a tile at prefill: fewer share a selection better, more share it faster.
  static let tileLimit = 16

  var blockSize: Int { summary.run }

  func check(_ name: String) throws(TransformerError) {
    let limit = 1 << 30
    guard (1..<limit).contains(window), (0..<limit).contains(sinks), denseLayers >= 0 else {
      throw TransformerError(
        .invalidRequest,
        "\(name) attention with a window of \(window), \(sinks) sinks and \(denseLayers) dense "
          + "layers; use at least 1, 0 and 0")
    }
    guard keys < limit, chosenBlocks >= 1 else {
      throw TransformerError(
        .invalidRequest,
        "\(name) attention to \(keys) keys leaves no block of \(blockSize) to choose beside "
          + "\(window + firstBlocks * blockSize) that are always seen; give it more keys")
    }
  }

  /// Blocks at the beginning that are always seen.
  private var firstBlocks: Int { (sinks + blockSize - 1) / blockSize }

  /// Blocks that are chosen, at most.
  private var chosenBlocks: Int { (keys - window - firstBlocks * blockSize) / blockSize }

  /// - Parameter choose: gets the blocks that may be chosen and how many, fewer than there are;
  ///   returns their numbers in order
  func plan(
    tile: Range<Int>, layer: Int, choose: (_ among: Range<Int>, _ count: Int) -> [Int]
  ) -> [PlannedBlock] {
    let recent = max(0, tile.lowerBound - window + 1) / blockSize
    guard layer >= denseLayers, recent - firstBlocks > chosenBlocks else {
      return PlannedBlock.all(upTo: tile)
    }
    let chosen = choose(firstBlocks..<recent, chosenBlocks)
    return PlannedBlock.showing(
      [0..<firstBlocks * blockSize]
        + chosen.map { $0 * blockSize..<($0 + 1) * blockSize }
        + [recent * blockSize..<tile.upperBound])
  }
}
