internal import CKernels

/// What a query tile attends to: key blocks, each with the part of it that shows.
///
/// A query at position p sees key j of an entry when j lies in its `positions`, j ≤ p, and
/// j > p − reach. A block may be listed twice with disjoint positions.
package struct KeyBlockList {
  var entries: [ck_key_block] = []

  package init() {}

  package var count: Int { entries.count }

  /// Empties the list and keeps its memory.
  package mutating func removeAll() { entries.removeAll(keepingCapacity: true) }

  /// - Parameters:
  ///   - start: the position of the block's first key
  ///   - positions: which keys show at all
  ///   - reach: how many positions back a query looks, itself included; at least 1
  ///   - isSink: whether queries look at it with the tile's `sinkQueries`, where it has some
  package mutating func append(
    _ block: KeyBlock, start: Int, positions: Range<Int>, reach: Int, isSink: Bool = false
  ) {
    func clamped(_ position: Int) -> Int32 { Int32(min(position, Int(Int32.max))) }
    entries.append(
      block.native(
        start: Int32(start),
        positions: clamped(positions.lowerBound)..<clamped(positions.upperBound),
        reach: clamped(reach), isSink: isSink))
  }
}
