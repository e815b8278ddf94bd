/// How a tensor's numbers are stored. Raw values are those of the GGUF format.
package enum TensorType: UInt32, CaseIterable, Hashable, Sendable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q8_1 = 9
  case q2_K = 10
  case q3_K = 11
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case q8_K = 15
  case i8 = 24
  case i16 = 25
  case i32 = 26
  case i64 = 27
  case f64 = 28
  case bf16 = 30

  /// Elements that are stored together; a row is a whole number of blocks.
  package var blockElements: Int {
    switch self {
    case .f32, .f16, .bf16, .f64, .i8, .i16, .i32, .i64: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q8_1: 32
    case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .q8_K: 256
    }
  }

  /// Bytes of one block.
  package var blockBytes: Int {
    switch self {
    case .i8: 1
    case .f16, .bf16, .i16: 2
    case .f32, .i32: 4
    case .f64, .i64: 8
    // 32 elements: a 16-bit scale, then for `_1` a 16-bit minimum or sum, then the elements.
    case .q4_0: 2 + 16
    case .q4_1: 2 + 2 + 16
    case .q5_0: 2 + 4 + 16
    case .q5_1: 2 + 2 + 4 + 16
    case .q8_0: 2 + 32
    case .q8_1: 2 + 2 + 32
    // 256 elements: scales of sub-blocks, low bits, high bits, 16-bit scales of scales.
    case .q2_K: 16 + 64 + 2 + 2
    case .q3_K: 32 + 64 + 12 + 2
    case .q4_K: 2 + 2 + 12 + 128
    case .q5_K: 2 + 2 + 12 + 32 + 128
    case .q6_K: 128 + 64 + 16 + 2
    case .q8_K: 4 + 256 + 32
    }
  }

  /// Bytes of a tensor of this shape, rows first as in GGUF; `nil` if a dimension is below 1, if
  /// rows are not whole blocks, or if the product leaves `Int`.
  package func byteCount(dimensions: [Int]) -> Int? {
    guard let row = dimensions.first, row % blockElements == 0 else { return nil }
    var bytes = row / blockElements
    for factor in dimensions.dropFirst() + [blockBytes] {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: factor)
      if overflow || factor < 1 { return nil }
      bytes = product
    }
    return bytes > 0 ? bytes : nil
  }
}
