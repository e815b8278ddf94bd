import Tensors

/// Which keys a query attends to, and how.
///
/// Every kind but `dense` is a *plan*: the list of key blocks of a query tile, which one flash
/// kernel executes. A new kind is a new case and its plan.
package enum AttentionKind: Hashable, Sendable {
  /// All earlier positions, every score materialised: the yardstick.
  case dense
  /// All earlier positions by online softmax. The same result as `dense`.
  ///
  /// Dao et al. 2022, "FlashAttention".
  case flash
  /// The first `sinks` positions and the last `window`, the query's own included.
  ///
  /// Xiao et al. 2023, "Efficient Streaming Language Models with Attention Sinks". Memory and time
  /// per token stay constant; what lies between is forgotten.
  case slidingWindow(window: Int, sinks: Int)

  /// Refuses parameters without meaning.
  ///
  /// - Throws: `invalidRequest`
  func check() throws(TransformerError) {
    guard case .slidingWindow(let window, let sinks) = self else { return }
    guard window >= 1, sinks >= 0, window < 1 << 30, sinks < 1 << 30 else {
      throw TransformerError(
        .invalidRequest, "a window of \(window) with \(sinks) sinks; use at least 1 and 0")
    }
  }
}

/// One key block of a plan, and the part of it that shows.
///
/// The query at position p sees key j when `positions` contains j, j ≤ p and j > p − `reach`.
struct PlannedBlock: Hashable {
  /// Of 64 keys: the block holds positions 64 · index and the 63 that follow.
  let index: Int
  let positions: Range<Int>
  let reach: Int
}

extension AttentionKind {
  /// The key blocks that the queries at `tile` need, in order; no block that none of them sees.
  ///
  /// - Parameter tile: successive positions, not empty
  func plan(tile: Range<Int>) -> [PlannedBlock] {
    switch self {
    case .dense, .flash:
      return Self.blocks(0..<tile.upperBound).map {
        PlannedBlock(index: $0, positions: 0..<Int.max, reach: Int.max)
      }
    case .slidingWindow(let window, let sinks):
      let seenSinks = 0..<min(sinks, tile.upperBound)
      let first = max(sinks, tile.lowerBound - window + 1)
      let recent = min(first, tile.upperBound)..<tile.upperBound
      return Self.blocks(seenSinks).map {
        PlannedBlock(index: $0, positions: 0..<sinks, reach: Int.max)
      }
        + Self.blocks(recent).map {
          PlannedBlock(index: $0, positions: sinks..<Int.max, reach: window)
        }
    }
  }

  /// Whether no position from `next` on will see any key of the block.
  func isForgotten(block: Int, next: Int) -> Bool {
    switch self {
    case .dense, .flash: return false
    case .slidingWindow(let window, let sinks):
      let keys = block * KeyBlock.keyCount..<(block + 1) * KeyBlock.keyCount
      return keys.lowerBound >= sinks && keys.upperBound <= next - window + 1
    }
  }

  /// The most blocks that are in use at once while a sequence of `length` positions is computed in
  /// chunks of `chunk`.
  func blockLimit(length: Int, chunk: Int) -> Int {
    let all = Self.blocks(0..<length).count
    switch self {
    case .dense, .flash: return all
    case .slidingWindow(let window, let sinks):
      let size = KeyBlock.keyCount
      return min(all, (sinks + size - 1) / size + (window + chunk + size - 1) / size + 1)
    }
  }

  private static func blocks(_ positions: Range<Int>) -> Range<Int> {
    let size = KeyBlock.keyCount
    return positions.isEmpty
      ? 0..<0 : positions.lowerBound / size..<(positions.upperBound - 1) / size + 1
  }
}
