/// How long a prompt is, in tokens; attention variants differ by it.
///
/// Stores keep the raw value: a number never changes its meaning.
package enum PromptBand: Int, Hashable, Sendable, Comparable, CaseIterable {
  /// 0…255
  case short
  /// 256…1023
  case medium
  /// 1024…4095
  case long
  /// 4096 and more
  case veryLong
  /// The model did not say.
  case unknown

  /// The band of a prompt of `tokens`.
  package init(tokens: Int?) {
    self =
      switch tokens {
      case nil: .unknown
      case .some(..<256): .short
      case .some(..<1024): .medium
      case .some(..<4096): .long
      case .some: .veryLong
      }
  }

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension PromptBand: CustomStringConvertible {
  package var description: String {
    switch self {
    case .short: "0–255"
    case .medium: "256–1023"
    case .long: "1024–4095"
    case .veryLong: "≥ 4096"
    case .unknown: "unknown"
    }
  }
}
