#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How positions turn queries and keys: an angle per position for each pair of channels.
///
/// Su et al. 2021, "RoFormer", section 3.2: pair c turns by position · θ_c, with
/// θ_c = base^(−2c / d). Scaling to longer contexts is another table of frequencies.
package struct RotaryTable: Hashable, Sendable {
  /// θ in radians per position, one for each pair of channels.
  package let frequencies: [Double]
  /// Multiplies cosines and sines, so that the logits grow with its square; 1 for unscaled tables.
  package let magnitude: Double

  package init(frequencies: [Double], magnitude: Double = 1) {
    self.frequencies = frequencies
    self.magnitude = magnitude
  }

  /// The table of the model's own frequencies, unscaled.
  package init(_ parameters: HyperParameters) {
    self.init(parameters, base: parameters.rotaryBase)
  }

  /// The table of another base; what the file divides its frequencies by stays.
  init(_ parameters: HyperParameters, base: Double) {
    let width = Double(parameters.rotaryWidth)
    self.init(
      frequencies: parameters.rotaryDivisors.enumerated().map { pair, divisor in
        pow(base, -2 * Double(pair) / width) / divisor
      })
  }

  /// Writes the cosines and sines of one position, `[frequencies.count]` each.
  func write(
    position: Int, cosines: UnsafeMutablePointer<Float>, sines: UnsafeMutablePointer<Float>
  ) {
    for (pair, frequency) in frequencies.enumerated() {
      let angle = Double(position) * frequency
      cosines[pair] = Float(magnitude * cos(angle))
      sines[pair] = Float(magnitude * sin(angle))
    }
  }
}
