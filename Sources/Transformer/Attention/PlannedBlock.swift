import Tensors

/// One key block of a plan, and the part of it that shows.
///
/// The query at position p sees key j when `positions` contains j, j ≤ p and j > p − `reach`.
struct PlannedBlock: Hashable {
  /// Of 64 keys: the block holds positions 64 · index and the 63 that follow.
  let index: Int
  let positions: Range<Int>
  var reach = Int.max
  /// Whether queries look at it from positions inside the cache; see `ModelVariant.sinkReach`.
  var isSink = false

  /// The key blocks that hold any of `positions`.
  static func indices(of positions: Range<Int>) -> Range<Int> {
    let size = KeyBlock.keyCount
    return positions.isEmpty
      ? 0..<0 : positions.lowerBound / size..<(positions.upperBound - 1) / size + 1
  }

  /// The whole blocks up to the last query of `tile`: what exact attention reads.
  static func all(upTo tile: Range<Int>) -> [PlannedBlock] {
    indices(of: 0..<tile.upperBound).map { PlannedBlock(index: $0, positions: 0..<Int.max) }
  }

  /// The blocks that show `positions`, which are disjoint and in order; neighbours are joined, so
  /// that the kernel gets long pieces.
  static func showing(_ positions: [Range<Int>]) -> [PlannedBlock] {
    var joined: [Range<Int>] = []
    for range in positions where !range.isEmpty {
      if let last = joined.last, last.upperBound == range.lowerBound {
        joined[joined.count - 1] = last.lowerBound..<range.upperBound
      } else {
        joined.append(range)
      }
    }
    let size = KeyBlock.keyCount
    return joined.flatMap { range in
      indices(of: range).map { index in
        PlannedBlock(index: index, positions: range.clamped(to: index * size..<(index + 1) * size))
      }
    }
  }
}
