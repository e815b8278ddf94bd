internal import CKernels

/// The kernels of one instruction set.
///
/// All shapes are checked by the types above; the kernels themselves trust their caller.
package struct Kernels: Sendable {
  /// An instruction set that kernels were written for.
  package enum Level: String, Sendable, CaseIterable {
    /// Plain loops, as the formulas read. The others equal it up to rounding.
    case scalar
    /// AVX2 with FMA and F16C.
    case avx2
    /// AVX-512 F, BW, DQ, VL and VNNI.
    case avx512
    /// AVX-512 and, for many rows at a time, the matrix units of AMX in bfloat16.
    case amx
    /// arm64.
    case neon

    /// Whether this machine can run it.
    package var isAvailable: Bool { self == .amx ? ck_matrix() != nil : ck_available(native) != 0 }

    fileprivate var native: ck_level {
      switch self {
      case .scalar: CK_LEVEL_SCALAR
      case .avx2: CK_LEVEL_AVX2
      case .avx512, .amx: CK_LEVEL_AVX512
      case .neon: CK_LEVEL_NEON
      }
    }
  }

  package static let scalar = Kernels(checked: .scalar)

  /// The fastest kernels that this machine can run.
  package static let fastest = Kernels(
    checked: [.amx, .avx512, .avx2, .neon].first(where: \.isAvailable) ?? .scalar)

  package let level: Level

  /// The level's table: a constant of the program, so that sharing it is safe.
  nonisolated(unsafe) let table: UnsafePointer<ck_kernels>

  /// The same for what matrix units do; `nil` without them.
  nonisolated(unsafe) let matrix: UnsafePointer<ck_matrix_kernels>?

  /// The kernels of `level`, or `nil` if this machine cannot run them.
  package init?(_ level: Level) {
    guard level.isAvailable else { return nil }
    self.init(checked: level)
  }

  private init(checked level: Level) {
    self.level = level
    table = ck_table(level.native)
    matrix = level == .amx ? ck_matrix() : nil
  }

  /// How a mode's products are computed here.
  ///
  /// - Parameter isPrefill: whether the rows are those of a text that is read. It decides instead
  ///   of their number, so that a row's result does not depend on how a text is cut.
  package func form(of mode: NumericMode, isPrefill: Bool) -> ProductForm {
    guard matrix != nil, isPrefill else { return mode == .int8 ? .codes : .floats }
    return .brains(isExact: mode == .float32)
  }
}

/// The form in which activations enter the products of one pass.
package enum ProductForm: Hashable, Sendable {
  case floats
  /// 8-bit codes; floats where the weights are not stored as codes.
  case codes
  /// bfloat16 numbers for matrix units: a rounded one for each activation or, if exact, two whose
  /// sum it is up to 2⁻¹⁷.
  case brains(isExact: Bool)
}
