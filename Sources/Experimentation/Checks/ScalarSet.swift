/// Characters by their numbers.
package struct ScalarSet: Hashable, Sendable {
  package var ranges: [ClosedRange<UInt32>]
  package var isNegated = false

  static let digit = ScalarSet(ranges: [0x30...0x39])
  static let word = ScalarSet(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
  static let space = ScalarSet(ranges: [0x09...0x0D, 0x20...0x20])
  /// What a dot stands for.
  static let inLine = ScalarSet(ranges: [0x0A...0x0A, 0x0D...0x0D], isNegated: true)

  /// Whether it is one of them.
  package func contains(_ scalar: Unicode.Scalar) -> Bool {
    ranges.contains { $0.contains(scalar.value) } != isNegated
  }

  /// Its members and what is the same but for case: of ranges the letters of ASCII, of single
  /// characters whatever becomes one other character.
  var ignoringCase: ScalarSet {
    var folded = self
    for range in ranges {
      if range.count == 1, let scalar = Unicode.Scalar(range.lowerBound) {
        for text in [scalar.properties.lowercaseMapping, scalar.properties.uppercaseMapping] {
          guard text.unicodeScalars.count == 1, let other = text.unicodeScalars.first else {
            continue
          }
          folded.ranges.append(other.value...other.value)
        }
        continue
      }
      let capitals = range.clamped(to: 0x41...0x5A)
      if range.overlaps(0x41...0x5A) {
        folded.ranges.append(capitals.lowerBound + 0x20...capitals.upperBound + 0x20)
      }
      let small = range.clamped(to: 0x61...0x7A)
      if range.overlaps(0x61...0x7A) {
        folded.ranges.append(small.lowerBound - 0x20...small.upperBound - 0x20)
      }
    }
    return folded
  }
}
