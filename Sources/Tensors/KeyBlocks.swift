internal import CKernels

/// Where 64 successive keys and values of one key/value head lie, as binary16.
package struct KeyBlock {
  /// Keys in a block.
  package static let keyCount = Int(CK_KEYS)

  /// `[headWidth, keyCount]`: transposed, rotated.
  package let keys: UnsafeMutablePointer<UInt16>
  /// `[keyCount, headWidth]`
  package let values: UnsafeMutablePointer<UInt16>

  package init(keys: UnsafeMutablePointer<UInt16>, values: UnsafeMutablePointer<UInt16>) {
    self.keys = keys
    self.values = values
  }

  /// Bytes of a block.
  package static func byteCount(headWidth: Int) -> Int {
    2 * keyCount * headWidth * MemoryLayout<UInt16>.stride
  }

  /// Writes entry `slot`: `key`, already rotated, and `value`, both `[headWidth]`.
  package func store(
    key: UnsafePointer<Float>, value: UnsafePointer<Float>, headWidth: Int, slot: Int,
    kernels: Kernels
  ) {
    precondition((0..<Self.keyCount).contains(slot), "slot \(slot) of a block")
    kernels.table.pointee.store(keys, values, key, value, headWidth, slot)
  }
}

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
    let last = Int(Int32.max)
    entries.append(
      ck_key_block(
        keys: UnsafePointer(block.keys), values: UnsafePointer(block.values), start: Int32(start),
        first: Int32(min(positions.lowerBound, last)), end: Int32(min(positions.upperBound, last)),
        reach: Int32(min(reach, last)), is_sink: isSink ? 1 : 0))
  }
}
