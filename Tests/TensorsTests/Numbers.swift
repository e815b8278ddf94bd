import Foundation
import Tensors
import Testing

/// Seeded numbers for tests: the same every run.
struct Numbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  mutating func uniform(_ range: ClosedRange<Float> = -1...1) -> Float {
    let share = Float(next() >> 40) / Float(1 << 24)
    return range.lowerBound + (range.upperBound - range.lowerBound) * share
  }

  mutating func floats(_ count: Int, _ range: ClosedRange<Float> = -1...1) -> [Float] {
    (0..<count).map { _ in uniform(range) }
  }

  mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
  }
}

/// The kernels of a level; ends the test as skipped where this machine lacks it.
func kernels(_ level: Kernels.Level) throws -> Kernels {
  guard let kernels = Kernels(level) else {
    try Test.cancel("this machine cannot run \(level.rawValue)")
  }
  return kernels
}

extension Kernels.Level {
  /// All levels that have a scalar twin to equal.
  static let vectorised = allCases.filter { $0 != .scalar }
}

/// Whether two results are equal up to rounding.
///
/// NaN equals NaN, and an infinity equals itself.
func isClose(_ a: Float, _ b: Float, absolute: Float, relative: Float = 0) -> Bool {
  if a.isNaN || b.isNaN { return a.isNaN && b.isNaN }
  return a == b || abs(a - b) <= absolute + relative * abs(b)
}

/// Expects each element of `results` to be close to that of `expected`; names the worst.
func expectClose(
  _ results: [Float], _ expected: [Float], absolute: Float, relative: Float = 0,
  _ comment: @autoclosure () -> String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(results.count == expected.count, sourceLocation: sourceLocation)
  let wrong = zip(results, expected).enumerated().filter {
    !isClose($0.element.0, $0.element.1, absolute: absolute, relative: relative)
  }
  guard let first = wrong.first else { return }
  Issue.record(
    """
    \(wrong.count) of \(results.count) differ, the first at \(first.offset): \
    \(first.element.0), expected \(first.element.1) \(comment())
    """, sourceLocation: sourceLocation)
}
