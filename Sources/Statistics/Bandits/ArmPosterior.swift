/// What is believed of one arm's mean reward: a bandit's posterior, larger is better.
package enum ArmPosterior: Hashable, Sendable {
  /// Of a reward in 0…1: Beta(successes, failures), each above 0.
  case beta(successes: Double, failures: Double)
  /// Of a reward on the whole line: Student's distribution, moved and stretched.
  case student(location: Double, scale: Double, degreesOfFreedom: Double)

  /// The posterior of a reward in 0…1 under Jeffreys' neighbour, the uniform prior Beta(1, 1).
  ///
  /// Rewards that are no zeros and ones count as the parts of a success that they are; that is what
  /// Agrawal and Goyal ("Analysis of Thompson sampling for the multi-armed bandit problem", COLT
  /// 2012, algorithm 2) do in expectation, and it never claims more than was seen.
  ///
  /// - Parameter sample: of rewards in 0…1; its `count` may be no whole number (``ArmSample``)
  package init(shareOf sample: ArmSample) {
    let good = sample.count * min(max(sample.mean ?? 0, 0), 1)
    self = .beta(successes: 1 + good, failures: 1 + max(0, sample.count - good))
  }

  /// The posterior of a mean on the whole line under a normal-inverse-gamma prior.
  ///
  /// Murphy ("Conjugate Bayesian analysis of the Gaussian distribution", 2007), equations 86–89,
  /// and 110 for the mean alone. The prior is worth one value of all arms together (the unit
  /// information prior of Kass and Wasserman, JASA 90, 1995): it favours no arm, and neither the
  /// unit nor the origin of the reward matters.
  ///
  /// - Parameters:
  ///   - sample: of one arm
  ///   - pooled: of all arms
  package init(meanOf sample: ArmSample, among pooled: ArmSample) {
    let priorMean = pooled.mean ?? 0
    let spread = pooled.variance ?? 0
    // Values without any spread are no reason to be certain.
    let priorSpread = spread > 0 ? spread : max(priorMean * priorMean, 1) * 1e-6
    let mean = sample.mean ?? priorMean
    let weight = 1 + sample.count
    let shift = mean - priorMean
    let shape = 1 + sample.count / 2
    let rate =
      priorSpread + sample.squaredDeviations / 2 + sample.count * shift * shift / (2 * weight)
    self = .student(
      location: priorMean + sample.count * shift / weight,
      scale: (rate / (shape * weight)).squareRoot(), degreesOfFreedom: 2 * shape)
  }

  /// What is expected of the arm.
  package var mean: Double {
    switch self {
    case .beta(let successes, let failures): successes / (successes + failures)
    case .student(let location, _, _): location
    }
  }

  /// The distance within which most of it lies.
  var spread: Double {
    switch self {
    case .beta(let a, let b): (a * b / ((a + b + 1) * (a + b) * (a + b))).squareRoot()
    case .student(_, let scale, _): scale
    }
  }

  /// The density at `x`.
  func density(_ x: Double) -> Double {
    switch self {
    case .beta(let a, let b):
      guard x > 0, x < 1 else { return 0 }
      return .exp((a - 1) * .log(x) + (b - 1) * .log(onePlus: -x) - .logBeta(a, b))
    case .student(let location, let scale, let degrees):
      let t = (x - location) / scale
      let height =
        Double.logGamma((degrees + 1) / 2) - .logGamma(degrees / 2) - .log(degrees * .pi) / 2
      return .exp(height - (degrees + 1) / 2 * .log(onePlus: t * t / degrees)) / scale
    }
  }

  /// The chance that the mean is at most `x`.
  func cumulative(_ x: Double) -> Double {
    switch self {
    case .beta(let a, let b): return BetaDistribution.incompleteBeta(x, a, b)
    case .student(let location, let scale, let degrees):
      let t = (x - location) / scale
      let tail = StudentDistribution(degreesOfFreedom: degrees).tail(abs(t))
      return t > 0 ? 1 - tail : tail
    }
  }

  /// The ends of what an integral must look at.
  var support: ClosedRange<Double> {
    switch self {
    case .beta: 0...1
    case .student: -.infinity...(.infinity)
    }
  }
}
