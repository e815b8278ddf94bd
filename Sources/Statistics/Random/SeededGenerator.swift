/// Randomness that can be repeated: the same seed gives the same numbers on every machine.
///
/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA
/// 2014): one word of state, period 2⁶⁴. For simulation and sampling; not for secrets.
package struct SeededGenerator: RandomNumberGenerator, Hashable, Sendable {
  private var state: UInt64

  /// Any seed is as good as any other; neighbouring seeds give unrelated numbers.
  package init(seed: UInt64) {
    state = seed
  }

  /// The next 64 uniform bits.
  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed &>> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed &>> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed &>> 31
  }

  /// A uniform number in [0, 1), one of the 2⁵³ multiples of 2⁻⁵³.
  ///
  /// Prefer this to `Double.random(in:using:)`, whose algorithm the standard library may change.
  package mutating func uniform() -> Double {
    next().unitInterval
  }
}
