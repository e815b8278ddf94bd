internal import CKernels

/// How a file stores the elements of a row; rows are laid out as GGUF does.
package enum ElementFormat: Hashable, Sendable, CaseIterable {
  case f32
  case f16
  case bf16
  /// 4 bits and a scale for 32 elements.
  case q4_0
  /// 4 bits, a scale and a minimum for 32 elements.
  case q4_1
  /// 5 bits and a scale for 32 elements.
  case q5_0
  /// 8 bits and a scale for 32 elements.
  case q8_0
  /// 4 bits, a scale and a minimum for 32 elements, both 6 bits of scales for 256.
  case q4_K
  /// 6 bits and a scale for 16 elements, which is 8 bits of a scale for 256.
  case q6_K

  /// Rows have a multiple of this many elements, whatever the format.
  package static let block = Int(CK_BLOCK)

  /// Rows in this format have a multiple of this many elements: `block` or 256.
  package var rowMultiple: Int { ck_block_size(native) }

  /// Bytes of a row of `columns` elements, a multiple of `rowMultiple`.
  package func rowBytes(columns: Int) -> Int { ck_row_size(native, columns) }

  /// The numbers that a row in this format stands for.
  ///
  /// - Parameters:
  ///   - row: `rowBytes(columns: out.count)` bytes
  ///   - out: overwritten
  package func dequantise(
    _ row: UnsafeRawBufferPointer, into out: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(row.count == rowBytes(columns: out.count), "a row of another length")
    guard let source = row.baseAddress, let destination = out.baseAddress else { return }
    ck_dequantise(destination, source, native, out.count)
  }

  var native: ck_format {
    switch self {
    case .f32: CK_FORMAT_F32
    case .f16: CK_FORMAT_F16
    case .bf16: CK_FORMAT_BF16
    case .q4_0: CK_FORMAT_Q4_0
    case .q4_1: CK_FORMAT_Q4_1
    case .q5_0: CK_FORMAT_Q5_0
    case .q8_0: CK_FORMAT_Q8_0
    case .q4_K: CK_FORMAT_Q4_K
    case .q6_K: CK_FORMAT_Q6_K
    }
  }
}
