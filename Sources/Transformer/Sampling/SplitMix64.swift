/// A small seeded generator: 64 bits of state, period 2⁶⁴, passes BigCrush.
///
/// Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators", figure 14. One
/// number is drawn per token, so that the period and the state are ample.
struct SplitMix64: Sendable {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// Uniform in 0 ..< 1, a multiple of 2⁻⁵³.
  mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }
}
