import Tensors

/// Which keys a query attends to, and how.
///
/// Every kind but `dense` is a *plan*: the list of key blocks of a query tile, which one flash
/// kernel executes. A new kind is a new case, and a file with its check and its plan.
package enum AttentionKind: Hashable, Sendable {
  /// All earlier positions, every score materialised: the yardstick.
  case dense
  /// All earlier positions by online softmax. The same result as `dense`.
  ///
  /// Dao et al. 2022, "FlashAttention".
  case flash
  /// The first `sinks` positions and the last `window`: see `SlidingWindow`.
  case slidingWindow(window: Int, sinks: Int)
  /// The blocks of keys that score best.
  case blockSparse(BlockSparse)
  /// Sinks, a local window, and the blocks of keys that score best.
  case hybrid(Hybrid)
  /// Sinks, a local window, and the blocks of keys that a learned gate chooses.
  case gated(Gated)

  /// Refuses parameters without meaning.
  ///
  /// - Throws: `invalidRequest`, for a gate of another shape of model too
  func check(_ parameters: HyperParameters) throws(TransformerError) {
    switch self {
    case .dense, .flash, .blockSparse, .hybrid: break
    case .gated(let gated): try gated.gate.check(parameters)
    case .slidingWindow(let window, let sinks):
      try SlidingWindow(window: window, sinks: sinks).check()
    }
  }

  /// What of the keys must be kept beside them, if blocks are chosen by content.
  var summary: KeySummary? { selection?.summary }

  /// The rule by which blocks are chosen, if they are.
  var selection: BlockSelection? {
    switch self {
    case .dense, .flash, .slidingWindow: nil
    case .blockSparse(let blockSparse): blockSparse.rule
    case .hybrid(let hybrid): hybrid.rule
    case .gated(let gated): gated.rule
    }
  }

  /// Cuts `positions` into the tiles of queries that have one plan each.
  ///
  /// - Parameter limit: the most positions of a tile
  func tiles(_ positions: Range<Int>, limit: Int) -> [Range<Int>] {
    guard selection != nil else {
      return stride(from: positions.lowerBound, to: positions.upperBound, by: limit).map {
        $0..<min($0 + limit, positions.upperBound)
      }
    }
    // Borders that do not depend on where the chunk begins, because what a query sees depends on
    // the others of its tile.
    let size = min(limit, BlockSelection.tileLimit)
    return (positions.lowerBound / size...(positions.upperBound - 1) / size).map {
      ($0 * size..<($0 + 1) * size).clamped(to: positions)
    }
  }

  /// The key blocks that the queries at `tile` need, in order; no block that none of them sees.
  ///
  /// - Parameters:
  ///   - tile: successive positions, not empty
  ///   - choose: chooses blocks by content for `BlockSelection.plan`; others do not call it
  func plan(
    tile: Range<Int>, layer: Int, choose: (_ among: Range<Int>, _ count: Int) -> [Int]
  ) -> [PlannedBlock] {
    switch self {
    case .dense, .flash: PlannedBlock.all(upTo: tile)
    case .slidingWindow(let window, let sinks):
      SlidingWindow(window: window, sinks: sinks).plan(tile: tile)
    case .blockSparse(let blockSparse):
      blockSparse.rule.plan(tile: tile, layer: layer, choose: choose)
    case .hybrid(let hybrid):
      hybrid.rule.plan(tile: tile, layer: layer, choose: choose)
    case .gated(let gated):
      gated.rule.plan(tile: tile, layer: layer, choose: choose)
    }
  }

  /// The blocks that no position from `next` on will see; grows with `next` at its end only.
  func forgotten(next: Int) -> Range<Int> {
    switch self {
    case .dense, .flash, .blockSparse, .hybrid, .gated: 0..<0
    case .slidingWindow(let window, let sinks):
      SlidingWindow(window: window, sinks: sinks).forgotten(next: next)
    }
  }

  /// The most blocks that are in use at once while a sequence of `length` positions is computed in
  /// chunks of `chunk`.
  func blockLimit(length: Int, chunk: Int) -> Int {
    let all = PlannedBlock.indices(of: 0..<length).count
    switch self {
    case .dense, .flash, .blockSparse, .hybrid, .gated: return all
    case .slidingWindow(let window, let sinks):
      return min(all, SlidingWindow(window: window, sinks: sinks).blockLimit(chunk: chunk))
    }
  }
}
