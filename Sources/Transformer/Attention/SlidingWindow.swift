import Tensors

/// The first `sinks` positions and the last `window`, the query's own included.
///
/// Xiao et al. 2023, "Efficient Streaming Language Models with Attention Sinks". Memory and time
/// per token stay constant; what lies between is forgotten.
struct SlidingWindow: Hashable {
  let window: Int
  let sinks: Int

  func check() throws(TransformerError) {
    guard window >= 1, sinks >= 0, window < 1 << 30, sinks < 1 << 30 else {
      throw TransformerError(
        .invalidRequest, "a window of \(window) with \(sinks) sinks; use at least 1 and 0")
    }
  }

  func plan(tile: Range<Int>) -> [PlannedBlock] {
    let seenSinks = 0..<min(sinks, tile.upperBound)
    let first = max(sinks, tile.lowerBound - window + 1)
    let recent = min(first, tile.upperBound)..<tile.upperBound
    return PlannedBlock.indices(of: seenSinks).map {
      PlannedBlock(index: $0, positions: 0..<sinks, isSink: true)
    }
      + PlannedBlock.indices(of: recent).map {
        PlannedBlock(index: $0, positions: sinks..<Int.max, reach: window)
      }
  }

  /// The blocks between the sinks and the window that no position from `next` on will see.
  func forgotten(next: Int) -> Range<Int> {
    let size = KeyBlock.keyCount
    let first = (sinks + size - 1) / size
    return first..<max(first, (next - window + 1) / size)
  }

  func blockLimit(chunk: Int) -> Int {
    let size = KeyBlock.keyCount
    return (sinks + size - 1) / size + (window + chunk + size - 1) / size + 1
  }
}
