/// How two shares differ that were counted on the same trials: two variants asked the same
/// questions.
///
/// Trials on which both agree say how sure one can be, and nothing of who is better. For one
/// finished measurement; traffic that is looked at while it grows needs `McNemarTest`.
package struct PairedProportions: Hashable, Sendable {
  package let trials: Int
  /// Trials that only the control passed.
  package let onlyControl: Int
  /// Trials that only the treatment passed.
  package let onlyTreatment: Int

  /// - Returns: `nil` unless both counts are at least 0 and at most `trials` together, and there is
  ///   a trial; 2⁵³ are too many.
  package init?(trials: Int, onlyControl: Int, onlyTreatment: Int) {
    guard (1...Int.greatestExactCount).contains(trials), (0...trials).contains(onlyControl),
      (0...trials - onlyControl).contains(onlyTreatment)
    else { return nil }
    (self.trials, self.onlyControl, self.onlyTreatment) = (trials, onlyControl, onlyTreatment)
  }

  /// Counts pairs.
  ///
  /// - Returns: `nil` for lists of different lengths, and for empty ones.
  package init?(control: [Bool], treatment: [Bool]) {
    guard control.count == treatment.count else { return nil }
    let pairs = zip(control, treatment)
    self.init(
      trials: control.count, onlyControl: pairs.count { $0 && !$1 },
      onlyTreatment: pairs.count { !$0 && $1 })
  }

  /// The control's share less the treatment's, −1…1, with Tango's score interval (Tango 1998,
  /// "Equivalence test and confidence interval for the difference in proportions for the
  /// paired-sample design", equations 22 to 24): the losses that its score test does not refuse.
  /// Honest for few trials and where all pairs agree, where Wald's has no width.
  ///
  /// - Parameter confidence: in (0, 1)
  /// - Returns: `nil` for a confidence outside its range.
  package func loss(confidence: Double = 0.95) -> FixedSampleInterval? {
    guard let z = Self.deviations(confidence) else { return nil }
    let estimate = Double(onlyControl - onlyTreatment) / Double(trials)
    return FixedSampleInterval(
      estimate: estimate,
      lower: estimate <= -1 ? -1 : bisect(from: -1, to: estimate) { score($0) > z },
      upper: estimate >= 1 ? 1 : bisect(from: estimate, to: 1) { score($0) > -z })
  }

  /// How many standard errors the observed loss lies above a loss of `delta`, in (−1, 1). Falls as
  /// `delta` grows.
  private func score(_ delta: Double) -> Double {
    let (n, b, c) = (Double(trials), Double(onlyControl), Double(onlyTreatment))
    // The likeliest share of `onlyTreatment` if the loss is delta: 2n·q² + linear·q + last = 0.
    let linear = -b - c + (2 * n - b + c) * delta
    let last = -c * delta * (1 - delta)
    let root = max(0, linear * linear - 8 * n * last).squareRoot()
    // Without cancellation, whichever sign `linear` has.
    let share =
      linear > 0
      ? (linear + root > 0 ? -2 * last / (linear + root) : 0) : (root - linear) / (4 * n)
    let variance = n * (2 * share + delta * (1 - delta))
    let distance = b - c - n * delta
    guard variance > 0 else { return distance == 0 ? 0 : distance * .infinity }
    return distance / variance.squareRoot()
  }

  /// The chance of `onlyControl` or more among the trials that disagree if neither is better: the
  /// exact one-sided test of McNemar 1947. 1 where none disagree.
  package var worseProbability: Double {
    guard onlyControl > 0 else { return 1 }
    // P(X ≥ b) of b + c tosses of a coin is I½(b, c + 1), DLMF 8.17.5.
    return BetaDistribution.incompleteBeta(0.5, Double(onlyControl), Double(onlyTreatment) + 1)
  }

  /// How many trials that all agree show that the loss is at most `margin`, in (0, 1): from the
  /// interval above without disagreement, ⌈z² (1 − m) / m⌉. `nil` outside.
  package static func leastTrials(forLoss margin: Double, confidence: Double = 0.95) -> Int? {
    guard margin > 0, margin < 1, let z = deviations(confidence) else { return nil }
    let count = (z * z * (1 - margin) / margin).rounded(.up)
    return count < Double(Int.greatestExactCount) ? Int(count) : nil
  }

  /// z with Φ(z) = (1 + confidence) / 2; beyond 40 lies less than any Double says.
  private static func deviations(_ confidence: Double) -> Double? {
    guard confidence > 0, confidence < 1 else { return nil }
    let tail = Double.log((1 - confidence) / 2)
    return bisect(from: 0, to: 40) { Double.logNormalTail($0) > tail }
  }
}
