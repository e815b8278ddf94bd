/// What a sequential test remembers: a short vector of log-sums, one for each bet of its mixture.
///
/// With bets fixed in advance by the propensity, and centring frozen when a step starts, the
/// evidence of two disjoint sets of requests is the sum of their vectors (STATISTICS, note 1). So
/// shards, replicas and hours keep one vector each, and merging loses nothing. The sums are
/// integers in units of 2⁻⁶⁴, and integers add up the same in every order: replaying a journal
/// gives the same bits.
package struct EvidenceSums: Hashable, Sendable {
  /// Observations that counted; stops at 2⁵³.
  package private(set) var observations = 0
  /// Observations that were missing or useless (not finite, impossible propensity) and moved
  /// nothing; stops at 2⁵³.
  package private(set) var ignored = 0
  /// Natural logarithms · 2⁶⁴.
  private(set) var sums: [Int128]

  init(components: Int) {
    sums = [Int128](repeating: 0, count: components)
  }

  var components: Int { sums.count }

  /// The sum of one component.
  subscript(component: Int) -> Double {
    sums[component].floatingPoint
  }

  /// The greatest sum of all; −∞ without components.
  var greatest: Double {
    sums.max().map(\.floatingPoint) ?? -.infinity
  }

  /// Counts an observation and adds `logFactor(component)` to each sum.
  ///
  /// - Parameter logFactor: Finite and below 2⁹ in size, as the tests' bounds guarantee; 2⁵³ of
  ///   them stay far from overflow.
  mutating func add(_ logFactor: (_ component: Int) -> Double) {
    for component in sums.indices {
      sums[component] &+= Int128(fixedPoint: logFactor(component))
    }
    observations = observations.exactlyAdding(1)
  }

  /// Counts an observation that says nothing about the hypothesis: a success, a tie.
  mutating func addNeutral() {
    observations = observations.exactlyAdding(1)
  }

  /// Counts an observation that could not be used.
  mutating func ignore() {
    ignored = ignored.exactlyAdding(1)
  }

  /// Adds the evidence of a disjoint set of requests.
  ///
  /// - Parameter other: From a test with the same mixture.
  /// - Throws: `mismatch` if the vectors have different lengths; `self` stays as it was.
  package mutating func merge(_ other: EvidenceSums) throws(StatisticsError) {
    guard components == other.components else {
      throw StatisticsError(
        .mismatch, "evidence of \(other.components) bets does not add to \(components)")
    }
    for component in sums.indices { sums[component] &+= other.sums[component] }
    observations = observations.exactlyAdding(other.observations)
    ignored = ignored.exactlyAdding(other.ignored)
  }

  /// Takes evidence out again that is in: what a unit had shown before it showed more. Sums are
  /// integers, so nothing is left of it.
  ///
  /// - Parameter other: From a test with the same mixture; counts stop at 0.
  /// - Throws: `mismatch` if the vectors have different lengths; `self` stays as it was.
  package mutating func withdraw(_ other: EvidenceSums) throws(StatisticsError) {
    guard components == other.components else {
      throw StatisticsError(
        .mismatch, "evidence of \(other.components) bets is no part of \(components)")
    }
    for component in sums.indices { sums[component] &-= other.sums[component] }
    observations = max(0, observations - other.observations)
    ignored = max(0, ignored - other.ignored)
  }
}

// MARK: - Encoding

extension EvidenceSums {
  private static let encodingVersion: UInt8 = 1
  private static let greatestComponents = 4096

  /// For a store: version, length, observations and ignored as LEB128, then each sum in 16 bytes,
  /// little-endian. 400 bytes for the mixture of 25; one value has one encoding.
  package var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.append(number: UInt64(Self.encodingVersion))
    writer.append(number: UInt64(components))
    writer.append(number: UInt64(observations))
    writer.append(number: UInt64(ignored))
    for sum in sums { writer.append(word: sum) }
    return writer.bytes
  }

  /// Reads `encoded` bytes.
  ///
  /// - Parameter bytes: Untrusted; any other bytes than those that `encoded` gives are refused.
  /// - Throws: `corruptEncoding`.
  package init(decoding bytes: [UInt8]) throws(StatisticsError) {
    var reader = try ByteReader(bytes, version: Self.encodingVersion, what: "evidence")
    let components = try reader.number(upTo: Self.greatestComponents)
    observations = try reader.number(upTo: .greatestExactCount)
    ignored = try reader.number(upTo: .greatestExactCount)
    sums = []
    for component in 0..<components {
      let sum = try reader.word()
      // No honest sum comes near, and a thousand of these still add up without overflow.
      guard sum.magnitude < 1 << 116 else {
        throw reader.corrupt("sum \(component) is out of range")
      }
      sums.append(sum)
    }
    try reader.finish()
  }
}

extension Int128 {
  /// `value` · 2⁶⁴ with the rest cut off, which is exact unless |value| < 2⁻¹²; 0 if `value` is not
  /// finite or beyond 2⁵².
  init(fixedPoint value: Double) {
    let magnitude = value.magnitude
    guard magnitude < 0x1p52 else {
      self = 0
      return
    }
    let whole = magnitude.rounded(.down)
    // Exact: the fraction's bits are some of the magnitude's, and it is below one.
    let bits = Int128(UInt64(whole)) << 64 | Int128(UInt64((magnitude - whole) * 0x1p64))
    self = value < 0 ? -bits : bits
  }

  /// The number behind a fixed-point sum, to 53 bits.
  ///
  /// By halves, since the library's conversion costs more than everything else in a look.
  var floatingPoint: Double {
    let whole = Double(UInt64(truncatingIfNeeded: magnitude >> 64))
    let sum = whole + Double(UInt64(truncatingIfNeeded: magnitude)) * 0x1p-64
    return self < 0 ? -sum : sum
  }
}
