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
    /// arm64.
    case neon

    /// Whether this machine can run it.
    package var isAvailable: Bool { ck_available(native) != 0 }

    fileprivate var native: ck_level {
      switch self {
      case .scalar: CK_LEVEL_SCALAR
      case .avx2: CK_LEVEL_AVX2
      case .avx512: CK_LEVEL_AVX512
      case .neon: CK_LEVEL_NEON
      }
    }
  }

  package static let scalar = Kernels(checked: .scalar)

  /// The fastest kernels that this machine can run.
  package static let fastest = Kernels(
    checked: [.avx512, .avx2, .neon].first(where: \.isAvailable) ?? .scalar)

  package let level: Level

  /// The level's table: a constant of the program, so that sharing it is safe.
  nonisolated(unsafe) let table: UnsafePointer<ck_kernels>

  /// The kernels of `level`, or `nil` if this machine cannot run them.
  package init?(_ level: Level) {
    guard level.isAvailable else { return nil }
    self.init(checked: level)
  }

  private init(checked level: Level) {
    self.level = level
    table = ck_table(level.native)
  }
}
