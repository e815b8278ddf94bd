internal import CKernels

/// Successive positions of the query heads that share one key/value head.
package struct QueryTile {
  let native: ck_query_tile

  /// The most positions that one flash call takes when `group` heads share a key/value head.
  package static func positionLimit(group: Int, units: AttentionUnits) -> Int {
    switch units {
    case .vector: max(1, min(32, Int(CK_FLASH_ROWS) / group))
    case .matrix: max(1, min(128, Int(CK_MATRIX_ROWS) / group))
    }
  }

  /// Query heads that may share a key/value head.
  package static let groupLimit = Int(CK_FLASH_ROWS)

  /// Floats of scratch that attention needs for heads of `headWidth`.
  package static func scratchCount(headWidth: Int) -> Int {
    max(ck_flash_scratch(headWidth), ck_matrix_scratch(headWidth) / MemoryLayout<Float>.stride)
  }

  /// - Parameters:
  ///   - queries: rotated; the group's heads are adjacent in each row, rows are `stride` apart
  ///   - sinkQueries: of the same shape, rotated otherwise: for the blocks that are sinks
  ///   - out: of the same shape, overwritten
  ///   - position: of the first row
  ///   - scale: of the logits, usually 1 / √headWidth
  package init(
    queries: UnsafePointer<Float>, sinkQueries: UnsafePointer<Float>? = nil,
    out: UnsafeMutablePointer<Float>, stride: Int, positions: Int, group: Int, headWidth: Int,
    position: Int, scale: Float
  ) {
    native = ck_query_tile(
      queries: queries, sink_queries: sinkQueries, out: out, stride: stride, positions: positions,
      group: group,
      width: headWidth, position: Int32(position), scale: scale)
  }

  /// Attention by online softmax: each block is read once, no score is kept.
  ///
  /// Dao et al. 2022, "FlashAttention", algorithm 1. Exact for the keys that the list shows.
  ///
  /// - Parameters:
  ///   - scratch: `scratchCount` floats of this thread, aligned to 64 bytes
  ///   - units: what computes it; `matrix` only where `Kernels.attentionUnits` says so
  package func attend(
    to blocks: KeyBlockList, scratch: UnsafeMutablePointer<Float>,
    units: AttentionUnits = .vector, kernels: Kernels
  ) {
    let limit = Self.positionLimit(group: native.group, units: units)
    precondition(native.positions <= limit, "too large a tile")
    withUnsafePointer(to: native) { tile in
      blocks.entries.withUnsafeBufferPointer { entries in
        guard let start = entries.baseAddress else { return }
        if case .matrix(let isExact) = units, let matrix = kernels.matrix {
          matrix.pointee.flash(tile, start, entries.count, scratch, isExact ? 1 : 0)
        } else {
          kernels.table.pointee.flash(tile, start, entries.count, scratch)
        }
      }
    }
  }

  /// Attention with every score materialised: the yardstick.
  ///
  /// - Parameters:
  ///   - scores: `[positions · group, blocks · 64]`, overwritten with the softmax weights
  ///   - scratch: `scratchCount` floats of this thread
  package func attendDensely(
    to blocks: KeyBlockList, scores: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>, kernels: Kernels
  ) {
    withUnsafePointer(to: native) { tile in
      blocks.entries.withUnsafeBufferPointer { entries in
        guard let start = entries.baseAddress else { return }
        kernels.table.pointee.dense(tile, start, entries.count, scores, scratch)
      }
    }
  }
}

/// What computes the flash attention of a pass.
package enum AttentionUnits: Hashable, Sendable {
  case vector
  /// Matrix units, in one bfloat16 product or, if exact, in the three that make a float's.
  case matrix(isExact: Bool)
}

extension Kernels {
  /// The units for a pass whose products have `form`.
  package func attentionUnits(for form: ProductForm, headWidth: Int) -> AttentionUnits {
    guard case .brains(let isExact) = form, headWidth % 32 == 0 else { return .vector }
    return .matrix(isExact: isExact)
  }
}
