import Experimentation
import Promotion
import Statistics
import Storage

/// Rows as a service would have stored them, drawn from a seed.
struct Simulation {
  let names: Names
  var generator: SeededGenerator

  init(seed: UInt64) throws {
    names = try Names()
    generator = SeededGenerator(seed: seed)
  }

  /// A standard normal draw (Box and Muller 1958).
  mutating func normal() -> Double {
    let radius = (-2 * Double.log(1 - generator.uniform())).squareRoot()
    return radius * .cos(2 * .pi * generator.uniform())
  }

  mutating func chance(_ share: Double) -> Bool { generator.uniform() < share }

  /// A pair: the prompt makes both slow or fast (σ = 0.5), each answer is scattered by itself
  /// (σ = `scatter`), the candidate takes `ratio` times as long and fails with `errorRate`.
  mutating func pair(
    _ policy: RolloutPolicy, ratio: Double = 1, scatter: Double = 0.2, errorRate: Double = 0,
    agreement: Double? = nil
  ) -> Comparison {
    let prompt = Double.exp(0.5 * normal())
    let incumbent = names.answer(seconds: prompt * .exp(scatter * normal()))
    let slow = ratio * prompt * .exp(scatter * normal())
    let candidate = names.answer(
      seconds: slow, failure: chance(errorRate) ? .unavailable : nil)
    return names.pair(
      policy, incumbent: incumbent, candidate: candidate, tokenAgreement: agreement)
  }

  /// An answer to live traffic at a step that gives the candidate `share`.
  mutating func outcome(
    _ policy: RolloutPolicy, step: Int = 0, share: Double, unit: UInt64, ratio: Double = 1,
    errorRates: (incumbent: Double, candidate: Double) = (0, 0)
  ) -> Outcome {
    let isCandidate = chance(share)
    return outcome(
      policy, step: step, share: share, unit: unit, isCandidate: isCandidate, ratio: ratio,
      errorRate: isCandidate ? errorRates.candidate : errorRates.incumbent)
  }

  mutating func outcome(
    _ policy: RolloutPolicy, step: Int = 0, share: Double, unit: UInt64, isCandidate: Bool,
    ratio: Double = 1, errorRate: Double = 0
  ) -> Outcome {
    Outcome(
      requestID: "r",
      assignment: names.assignment(
        policy, step: step, unit: unit, propensity: isCandidate ? share : 1 - share),
      model: isCandidate ? names.flash : names.dense,
      measurements: names.answer(
        seconds: (isCandidate ? ratio : 1) * .exp(0.5 * normal()),
        failure: chance(errorRate) ? .unavailable : nil))
  }
}

extension Sequence {
  /// Rows numbered as a store would.
  func sequenced<Value>() -> [Sequenced<Value>] where Element == Value, Value: Sendable {
    enumerated().map { Sequenced(sequence: Int64($0.offset + 1), value: $0.element) }
  }
}
