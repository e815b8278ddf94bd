/// Stand-ins for characters that the YAML parser must not see.
///
/// The parser is a C library that expands aliases while it composes, so that 285 bytes can keep it
/// busy for seconds. The scan before it refuses what it recognises as an alias; this makes sure
/// that nothing else can be one: each `&`, `*` and `!` of the text, wherever it stands, becomes a
/// scalar of the private use plane 15, and is put back in the values that come out. The first
/// letter of each key is treated likewise, so that no two keys look alike to the parser: it would
/// stop at the first repeated one without saying where, and hide every other mistake. A stand-in is
/// one scalar like what it stands for, so places stay true.
struct Mask {
  /// The scalars that stand in; refused in policy files.
  static let plane: ClosedRange<UInt32> = 0xF0000...0xFFFFD

  /// What the first stand-ins stand for, always.
  static let punctuation: [Unicode.Scalar] = ["&", "*", "!"]

  private var originals: [Unicode.Scalar] = Self.punctuation

  /// `scalars` with all punctuation replaced.
  static func punctuation(in scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
    let standIns = punctuation.indices.compactMap(standIn)
    return scalars.map { scalar in
      punctuation.firstIndex(of: scalar).map { standIns[$0] } ?? scalar
    }
  }

  /// A stand-in for `scalar` that is like no other, or `nil` when all are used up.
  mutating func unique(for scalar: Unicode.Scalar) -> Unicode.Scalar? {
    guard let standIn = Self.standIn(originals.count) else { return nil }
    originals.append(scalar)
    return standIn
  }

  private static func standIn(_ index: Int) -> Unicode.Scalar? {
    guard index < plane.count else { return nil }
    return Unicode.Scalar(plane.lowerBound + UInt32(index))
  }

  /// `text` with the stand-ins replaced by what they stand for.
  func restore(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { Self.plane.contains($0.value) }) else {
      return text
    }
    var restored = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { restored.append(original(of: scalar)) }
    return String(restored)
  }

  private func original(of scalar: Unicode.Scalar) -> Unicode.Scalar {
    guard Self.plane.contains(scalar.value) else { return scalar }
    let index = Int(scalar.value - Self.plane.lowerBound)
    return originals.indices.contains(index) ? originals[index] : scalar
  }
}
