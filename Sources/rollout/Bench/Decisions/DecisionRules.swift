import Foundation
import Simulation
import Statistics

/// Decides after one more observation whether the claim is proven; asked again until it is.
typealias DecisionRule<Observation> = (Observation) -> Bool

/// A rule by its name, made anew for each run.
struct DecisionMethod<Observation>: Sendable {
  /// Which kind of mistake a wrong "proven" is.
  enum Purpose: String, Sendable {
    case rollback, promotion
  }

  let name: String
  let purpose: Purpose
  /// Of this product, or of others.
  let isOurs: Bool
  let make: @Sendable (DecisionPrior) throws -> DecisionRule<Observation>

  init(
    _ name: String, _ purpose: Purpose, isOurs: Bool = true,
    make: @escaping @Sendable (DecisionPrior) throws -> DecisionRule<Observation>
  ) {
    (self.name, self.purpose, self.isOurs, self.make) = (name, purpose, isOurs, make)
  }
}

/// What all rules decide at.
let decisionAlpha = 0.05

/// The service's own tests, looked at after every request: no copies, the code in production.
enum OurRules {
  typealias Method = DecisionMethod<TrialRequest>

  /// Errors: STATISTICS 2(a). Margin: twice the control's rate.
  static let errors: [Method] = [
    Method("errors", .rollback) { _ in
      try relativeRisk(RelativeRiskTest(claim: .worse(), plannedRatio: 2))
    },
    Method("errors", .promotion) { _ in
      try relativeRisk(RelativeRiskTest(claim: .notWorse(margin: 1), plannedRatio: 2))
    },
  ]

  private static func relativeRisk(_ start: RelativeRiskTest) -> DecisionRule<TrialRequest> {
    var test = start
    return { request in
      test.append(
        isEvent: request.isError, isTreatment: request.isTreatment,
        propensity: request.propensity)
      // Without an event nothing has moved.
      return request.isError && test.isRejected(alpha: decisionAlpha)
    }
  }

  /// Errors with a margin, in points or in percent of the incumbent's 1 %: both are judged by what
  /// is *beyond* it, so that 1 % which became 2 % is half a point, or a third, away from harm.
  static let errorMargins: [Method] =
    [0.5, 1].flatMap { share in
      let percent = "errors within \(Int(share * 100)) %"
      let points = "errors within \(share) points"
      return [
        Method(percent, .rollback) { _ in
          try relativeRisk(
            RelativeRiskTest(claim: .worse(tolerance: share), plannedRatio: 1 + share))
        },
        Method(percent, .promotion) { _ in
          try relativeRisk(
            RelativeRiskTest(claim: .notWorse(margin: share), plannedRatio: 1 + share))
        },
        Method(points, .rollback) { _ in try errors(.worse(tolerance: share / 100), share / 100) },
        Method(points, .promotion) { _ in try errors(.notWorse(margin: share / 100), share / 100) },
      ]
    }

  /// As a gate with a margin in points bets: centred on no errors.
  private static func errors(
    _ claim: Claim, _ effect: Double
  ) throws -> DecisionRule<TrialRequest> {
    try mean(claim, effect, Centring(mean: 1, variance: 0.003)) { $0.isError ? 0 : 1 }
  }

  /// Quality: STATISTICS 2(b). Margin: 2 points.
  static let quality: [Method] = [
    Method("quality", .rollback) { try mean(.worse(), 0.02, $0.quality) { $0.score } },
    Method("quality", .promotion) {
      try mean(.notWorse(margin: 0.02), 0.02, $0.quality) { $0.score }
    },
  ]

  /// Everything slower: STATISTICS 2(b) on the clipped logarithm. Margin: 10 %.
  static let logLatency: [Method] = [
    Method("log latency", .rollback) { try speed(.worse(), $0) },
    Method("log latency", .promotion) { prior in
      let margin = try DecisionPrior.latencyScale().points(of: 0.1)
      return try speed(.notWorse(margin: margin), prior)
    },
  ]

  private static func speed(
    _ claim: Claim, _ prior: DecisionPrior
  ) throws -> DecisionRule<TrialRequest> {
    let scale = try DecisionPrior.latencyScale()
    return try mean(claim, scale.points(of: 0.1), prior.speed) {
      scale.score(exp($0.logSeconds)) ?? .nan
    }
  }

  static func mean(
    _ claim: Claim, _ effect: Double, _ centring: Centring,
    _ score: @escaping (TrialRequest) -> Double
  ) throws -> DecisionRule<TrialRequest> {
    var test = try BoundedMeanTest(
      claim: claim, minimumDetectableEffect: effect, centring: centring)
    return { request in
      test.append(
        outcome: score(request), isTreatment: request.isTreatment, propensity: request.propensity)
      return test.isRejected(alpha: decisionAlpha)
    }
  }

  /// One quantile of the latency: STATISTICS 2(c). Margin: 10 %.
  static func exceedance(_ quantile: Double) -> [Method] {
    let name = "latency p\(Int((quantile * 100).rounded()))"
    return [
      Method(name, .rollback) { try exceedance(.worse(), quantile, slowdownFrom: 1, $0) },
      Method(name, .promotion) {
        try exceedance(.notWorse(margin: 0.1), quantile, slowdownFrom: 1.1, $0)
      },
    ]
  }

  private static func exceedance(
    _ claim: Claim, _ quantile: Double, slowdownFrom factor: Double, _ prior: DecisionPrior
  ) throws -> DecisionRule<TrialRequest> {
    let start = prior.seconds.estimate(quantile) ?? 1
    let planned = ExceedanceTest.plannedRatio(
      history: prior.seconds, threshold: start * factor, slowdown: 0.1)
    var test = try ExceedanceTest(
      claim: claim, threshold: start, plannedRatio: max(1.05, planned ?? 1.5))
    var threshold = try RunningQuantile(quantile: quantile, start: start, historyCount: 5_000)
    return { request in
      let seconds = exp(request.logSeconds)
      test.append(
        value: seconds, isTreatment: request.isTreatment, propensity: request.propensity,
        threshold: threshold.threshold)
      let isEvent = seconds > threshold.threshold * (request.isTreatment ? factor : 1)
      if !request.isTreatment { threshold.append(seconds) }
      return isEvent && test.isRejected(alpha: decisionAlpha)
    }
  }

  /// The median by betting on the indicator, which finds more than conditioning on it.
  static let median: [Method] = [
    Method("latency p50 by betting", .rollback) { prior in
      let start = prior.seconds.estimate(0.5) ?? 1
      let tail = prior.seconds.share(above: start) ?? 0.5
      let effect = (prior.seconds.share(above: start / 1.1) ?? 0.6) - tail
      var threshold = try RunningQuantile(quantile: 0.5, start: start, historyCount: 5_000)
      let mean = try mean(.worse(), max(0.01, effect), .unknown) { request in
        log(threshold.threshold) >= request.logSeconds ? 1 : 0
      }
      return { request in
        let isProven = mean(request)
        if !request.isTreatment { threshold.append(exp(request.logSeconds)) }
        return isProven
      }
    }
  ]

  /// Sample ratio mismatch at level 0.01: STATISTICS 2(e).
  static func sampleRatio(_ share: Double) -> [Method] {
    [
      Method("sample ratio by counts", .rollback) { _ in
        var counts = [0, 0]
        return { request in
          counts[request.isTreatment ? 1 : 0] += 1
          let evidence = SampleRatioTest.logEvidence(counts: counts, shares: [1 - share, share])
          return evidence ?? 0 >= -log(0.01)
        }
      },
      Method("sample ratio by tilts", .rollback) { _ in
        var test = try SampleRatioTest()
        return { request in
          test.append(isTreatment: request.isTreatment, propensity: share)
          return test.isRejected(alpha: 0.01)
        }
      },
    ]
  }
}

/// The service's own tests in shadow mode: STATISTICS 2(d).
enum OurPairRules {
  typealias Method = DecisionMethod<TrialPair>

  static let quality: [Method] = [
    Method("shadow quality", .rollback) { _ in try mean(.worse()) },
    Method("shadow quality", .promotion) { _ in try mean(.notWorse(margin: 0.02)) },
  ]

  private static func mean(_ claim: Claim) throws -> DecisionRule<TrialPair> {
    var test = try PairedMeanTest(claim: claim, minimumDetectableEffect: 0.02, meanSquare: 0.03)
    return { pair in
      test.append(difference: pair.treatment.score - pair.control.score)
      return test.isRejected(alpha: decisionAlpha)
    }
  }

  static let errors: [Method] = [
    Method("shadow errors", .rollback) { _ in
      var test = try McNemarTest(claim: .treatmentIsWorse, plannedOddsRatio: exp(log(2) * 1.3))
      return { pair in
        test.append(
          controlIsBad: pair.control.isError, treatmentIsBad: pair.treatment.isError)
        return pair.control.isError != pair.treatment.isError
          && test.isRejected(alpha: decisionAlpha)
      }
    }
  ]

  static let tail: [Method] = [
    Method("shadow latency p99", .rollback) { prior in
      var test = try McNemarTest(claim: .treatmentIsWorse, plannedOddsRatio: 1.9)
      var threshold = try RunningQuantile(
        quantile: 0.99, start: prior.seconds.estimate(0.99) ?? 1, historyCount: 5_000)
      return { pair in
        let limit = log(threshold.threshold)
        let (before, after) = (pair.control.logSeconds > limit, pair.treatment.logSeconds > limit)
        test.append(controlIsBad: before, treatmentIsBad: after)
        threshold.append(exp(pair.control.logSeconds))
        return before != after && test.isRejected(alpha: decisionAlpha)
      }
    }
  ]

  static let ratio: [Method] = [
    Method("shadow latency ratio", .rollback) { _ in try ratio(.worse()) },
    Method("shadow latency ratio", .promotion) { _ in try ratio(.notWorse(margin: 0.1)) },
  ]

  private static func ratio(_ claim: Claim) throws -> DecisionRule<TrialPair> {
    var test = try PairedRatioTest(claim: claim, plannedOddsRatio: exp(0.35))
    return { pair in
      test.append(
        control: exp(pair.control.logSeconds), treatment: exp(pair.treatment.logSeconds))
      return test.isRejected(alpha: decisionAlpha)
    }
  }
}
