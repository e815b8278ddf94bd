import Transformer

/// Numbers between two whole ones, either of which may be missing.
struct NumberRange {
  /// What a magnitude has at most: 18 digits, as everywhere in the grammar.
  static let limit: Int64 = 999_999_999_999_999_999

  fileprivate struct Bound {
    var value: Int64
    /// Whether the value itself is left out.
    var isExclusive: Bool
  }

  private let low: Bound?
  private let high: Bound?

  /// - Parameters: whole numbers of at most 18 digits, or `nil`
  init(minimum: Int64?, above: Int64?, maximum: Int64?, below: Int64?) {
    let lows = [
      minimum.map { Bound(value: $0, isExclusive: false) },
      above.map { Bound(value: $0, isExclusive: true) },
    ].compactMap { $0 }
    let highs = [
      maximum.map { Bound(value: $0, isExclusive: false) },
      below.map { Bound(value: $0, isExclusive: true) },
    ].compactMap { $0 }
    low = lows.max { ($0.value, $0.isExclusive ? 1 : 0) < ($1.value, $1.isExclusive ? 1 : 0) }
    high = highs.min { ($0.value, $0.isExclusive ? 0 : 1) < ($1.value, $1.isExclusive ? 0 : 1) }
  }

  var isUnbounded: Bool { low == nil && high == nil }

  /// Lays the integers of the range.
  ///
  /// - Returns: whether there is one
  func layIntegers(_ json: inout JSONGrammar, from: Grammar.State, to: Grammar.State) -> Bool {
    let least = max(-Self.limit, (low?.value ?? -Self.limit) + (low?.isExclusive == true ? 1 : 0))
    let most = min(Self.limit, (high?.value ?? Self.limit) - (high?.isExclusive == true ? 1 : 0))
    guard least <= most else { return false }
    if most >= 0 { json.layDigits(max(0, least)...most, from: from, to: to) }
    if least < 0 {
      let unsigned = json.minus(from)
      json.layDigits(max(1, -most)...(-least), from: unsigned, to: to)
    }
    return true
  }

  /// Lays the numbers of the range, written without exponent.
  ///
  /// - Returns: whether there is one
  func layNumbers(_ json: inout JSONGrammar, from: Grammar.State, to: Grammar.State) -> Bool {
    let lowest = low ?? Bound(value: -Self.limit, isExclusive: false)
    let highest = high ?? Bound(value: Self.limit, isExclusive: false)
    let zero = Bound(value: 0, isExclusive: false)
    var isLaid = false
    if highest.value >= 0 {
      isLaid = layMagnitudes(lowest.value >= 0 ? lowest : zero, highest, &json, from, to)
    }
    if lowest.value < 0 {
      let least = highest.value <= 0 ? highest.negated : zero
      let unsigned = json.minus(from)
      isLaid = layMagnitudes(least, lowest.negated, &json, unsigned, to) || isLaid
    }
    return isLaid
  }

  /// Numbers of a whole part and a fraction. The bounds are whole, so that only a whole part that
  /// equals one of them restricts the fraction.
  private func layMagnitudes(
    _ low: Bound, _ high: Bound, _ json: inout JSONGrammar, _ from: Grammar.State,
    _ to: Grammar.State
  ) -> Bool {
    var isLaid = false
    func lay(_ whole: ClosedRange<Int64>, _ fraction: JSONGrammar.Fraction) {
      let point = json.builder.makeState()
      json.layDigits(whole, from: from, to: point)
      json.layFraction(fraction, from: point, to: to)
      isLaid = true
    }
    let first = low.value + (low.isExclusive ? 1 : 0)
    if first < high.value { lay(first...(high.value - 1), .any) }
    if low.isExclusive, low.value < high.value { lay(low.value...low.value, .notZero) }
    if !high.isExclusive, high.value >= first { lay(high.value...high.value, .zero) }
    return isLaid
  }
}

extension NumberRange.Bound {
  fileprivate var negated: NumberRange.Bound {
    NumberRange.Bound(value: -value, isExclusive: isExclusive)
  }
}

extension JSONGrammar {
  /// What the digits after a point may be.
  enum Fraction {
    /// Any, or none.
    case any
    /// Only zeros, or none.
    case zero
    /// Not only zeros.
    case notZero
  }

  /// Reads a minus sign; returns where it leads.
  mutating func minus(_ from: State) -> State {
    let unsigned = builder.makeState()
    builder.read(0x2D...0x2D, from: from, to: unsigned)
    return unsigned
  }

  /// The numbers of a range, in decimal and without superfluous zeros.
  ///
  /// - Parameter range: within 0 … 10¹⁸ − 1
  mutating func layDigits(_ range: ClosedRange<Int64>, from: State, to: State) {
    // By how many digits are still to come, any of them.
    var free = [to]
    for count in 1...18 {
      let state = builder.makeState()
      builder.read(0x30...0x39, from: state, to: free[count - 1])
      free.append(state)
    }
    var least: Int64 = 0
    for length in 1...18 {
      let most: Int64 = length == 1 ? 9 : least * 10 - 1
      let (low, high) = (max(least, range.lowerBound), min(most, range.upperBound))
      if low <= high {
        layDigits(Array("\(low)".utf8)[...], Array("\(high)".utf8)[...], free, from: from)
      }
      least = most + 1
    }
  }

  /// Numbers of as many digits as both bounds have, which are equally many.
  private mutating func layDigits(
    _ low: ArraySlice<UInt8>, _ high: ArraySlice<UInt8>, _ free: [State], from: State
  ) {
    guard let least = low.first, let most = high.first else {
      return builder.skip(from: from, to: free[0])
    }
    let (lowRest, highRest) = (low.dropFirst(), high.dropFirst())
    if low.allSatisfy({ $0 == 0x30 }), high.allSatisfy({ $0 == 0x39 }) {
      return builder.skip(from: from, to: free[low.count])
    }
    if least == most {
      let next = builder.makeState()
      builder.read(least...least, from: from, to: next)
      return layDigits(lowRest, highRest, free, from: next)
    }
    let (nines, zeros) = (lowRest.map { _ in 0x39 as UInt8 }, lowRest.map { _ in 0x30 as UInt8 })
    let (lower, upper) = (builder.makeState(), builder.makeState())
    builder.read(least...least, from: from, to: lower)
    layDigits(lowRest, nines[...], free, from: lower)
    builder.read(most...most, from: from, to: upper)
    layDigits(zeros[...], highRest, free, from: upper)
    if least + 1 < most {
      builder.read((least + 1)...(most - 1), from: from, to: free[lowRest.count])
    }
  }

  /// A point and up to 18 digits after it.
  mutating func layFraction(_ fraction: Fraction, from: State, to: State) {
    if fraction != .notZero { builder.skip(from: from, to: to) }
    // Where only zeros came so far, and where another digit did.
    var zeros = builder.makeState()
    var others = builder.makeState()
    builder.read(0x2E...0x2E, from: from, to: zeros)
    for _ in 0..<18 {
      let (nextZeros, nextOthers) = (builder.makeState(), builder.makeState())
      builder.read(0x30...0x30, from: zeros, to: nextZeros)
      if fraction != .notZero { builder.skip(from: nextZeros, to: to) }
      if fraction != .zero {
        builder.read(0x31...0x39, from: zeros, to: nextOthers)
        builder.read(0x30...0x39, from: others, to: nextOthers)
        builder.skip(from: nextOthers, to: to)
      }
      (zeros, others) = (nextZeros, nextOthers)
    }
  }
}
