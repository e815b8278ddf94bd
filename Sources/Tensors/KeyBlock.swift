internal import CKernels

/// How keys and values are kept. A deployment's choice, not a variant's.
package enum CacheFormat: String, Hashable, Sendable, CaseIterable {
  /// binary16.
  case f16
  /// 8 bits, with a scale for each key and each value: 52 % of the bytes.
  ///
  /// Keys have a few channels of great magnitude, which take the precision of all others. So keys
  /// are turned by a Hadamard matrix, which spreads them, and queries with them; the products stay
  /// the same. (Ashkboos et al. 2024, "QuaRot".) Measured on the real weights, mean divergence from
  /// halves, keys alone: a scale by key 8e-4, by key and 32 channels 7e-4, by key turned 2e-4.
  case q8
}

/// Where 64 successive keys and values of one key/value head lie.
package struct KeyBlock {
  /// Keys in a block.
  package static let keyCount = Int(CK_KEYS)

  /// `[headWidth, keyCount]`, transposed, rotated: halves, or codes if there are scales.
  package let keys: UnsafeMutableRawPointer
  /// `[keyCount, headWidth]`, of the same kind.
  package let values: UnsafeMutableRawPointer
  /// `[2, keyCount]` halves: of keys and of values; `nil` for `f16`.
  private let scales: UnsafeMutablePointer<UInt16>?

  /// A block of halves.
  package init(keys: UnsafeMutableRawPointer, values: UnsafeMutableRawPointer) {
    self.keys = keys
    self.values = values
    scales = nil
  }

  /// The block that begins at `start`, where `byteCount` bytes are its.
  package init(at start: UnsafeMutableRawPointer, headWidth: Int, format: CacheFormat) {
    let cells = Self.keyCount * headWidth
    keys = start
    switch format {
    case .f16:
      values = start + 2 * cells
      scales = nil
    case .q8:
      values = start + cells
      scales = (start + 2 * cells).assumingMemoryBound(to: UInt16.self)
    }
  }

  /// Bytes of a block.
  package static func byteCount(headWidth: Int, format: CacheFormat = .f16) -> Int {
    let cells = 2 * keyCount * headWidth
    switch format {
    case .f16: return cells * MemoryLayout<UInt16>.stride
    case .q8: return cells + 2 * keyCount * MemoryLayout<UInt16>.stride
    }
  }

  /// Writes entry `slot`: `key`, already rotated, and `value`, both `[headWidth]`.
  ///
  /// - Parameter key: changed on the way by `q8`
  package func store(
    key: UnsafeMutablePointer<Float>, value: UnsafePointer<Float>, headWidth: Int, slot: Int,
    kernels: Kernels
  ) {
    precondition((0..<Self.keyCount).contains(slot), "slot \(slot) of a block")
    if let scales {
      ck_hadamard(key, headWidth)
      kernels.table.pointee.store_codes(
        keys.assumingMemoryBound(to: Int8.self), scales, values.assumingMemoryBound(to: Int8.self),
        scales + Self.keyCount, key, value, headWidth, slot)
    } else {
      kernels.table.pointee.store(
        keys.assumingMemoryBound(to: UInt16.self), values.assumingMemoryBound(to: UInt16.self),
        key, value, headWidth, slot)
    }
  }

  /// The keys of a block of halves.
  var halves: UnsafeMutablePointer<UInt16> {
    precondition(scales == nil, "codes where halves are wanted")
    return keys.assumingMemoryBound(to: UInt16.self)
  }

  /// What kernels read, with the part of it that shows.
  func native(
    start: Int32, positions: Range<Int32>, reach: Int32, isSink: Bool
  ) -> ck_key_block {
    var block = ck_key_block()
    if let scales {
      block.key_codes = UnsafePointer(keys.assumingMemoryBound(to: Int8.self))
      block.value_codes = UnsafePointer(values.assumingMemoryBound(to: Int8.self))
      block.key_scales = UnsafePointer(scales)
      block.value_scales = UnsafePointer(scales + Self.keyCount)
    } else {
      block.keys = UnsafePointer(keys.assumingMemoryBound(to: UInt16.self))
      block.values = UnsafePointer(values.assumingMemoryBound(to: UInt16.self))
    }
    block.start = start
    block.first = positions.lowerBound
    block.end = positions.upperBound
    block.reach = reach
    block.is_sink = isSink ? 1 : 0
    return block
  }
}
