/// The generator in which the fixtures' scripts state their inputs (Knuth's MMIX constants).
struct LinearCongruentialGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func uniform() -> Double {
    state = 6_364_136_223_846_793_005 &* state &+ 1_442_695_040_888_963_407
    return Double(state >> 11) / 0x1p53
  }
}

/// One request of the fixtures' stream: a ramp 5 % → 25 % → 50 %, and a treatment that is worse.
struct GoldenRequest {
  let propensity: Double
  let isTreatment: Bool
  let isError: Bool
  let score: Double

  /// The first `count` requests of the recipe in `golden.py`.
  static func stream(_ count: Int) -> [GoldenRequest] {
    var generator = LinearCongruentialGenerator(seed: 42)
    return (0..<count).map { index in
      let propensity = index < 1000 ? 0.05 : index < 2000 ? 0.25 : 0.5
      let isTreatment = generator.uniform() < propensity
      let isError = generator.uniform() < (isTreatment ? 0.03 : 0.015)
      let score = 0.8 + 0.4 * (generator.uniform() - 0.5) - (isTreatment ? 0.03 : 0)
      return GoldenRequest(
        propensity: propensity, isTreatment: isTreatment, isError: isError,
        score: min(1, max(0, score)))
    }
  }
}
