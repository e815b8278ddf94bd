/// The mean preference of people, from a few labels and a model's word on many pairs: a confidence
/// sequence that may be looked at after each of either.
///
///     θ̂ = λ̄ · (mean(f, all) − ½) + mean(z, labelled),   zᵢ = yᵢ − λᵢ (fᵢ − ½),   λ̄ = mean(λᵢ)
///     |θ̂ − θ| ≤ w(z, n; α/2) + λ̄ · w(f, N; α/2)
///
/// at all n and N at once with confidence 1 − α, with y and f in 0…1 and w the half width of
/// `AsymptoticConfidenceSequence`. The estimate is that of `PredictionPoweredMean` but for the two
/// things that looking asks for:
///
/// - **λᵢ is predictable**: made of the labels before the i-th alone, so that E[zᵢ | past] is
///   θ − λᵢ (E f − ½) whatever chose λᵢ, and the sum of the zᵢ is a martingale about it. A λ fitted
///   to the labels that it corrects would favour itself at every look. n/N is left out of it: N
///   depends on when somebody looks, and evidence must not; it costs little where N ≫ n.
/// - **Two sequences and a union**, not one of influence terms: labels come when people have time,
///   long after their pairs and in no order that the judge knows, so that there is no one clock in
///   which each pair's term is known when it is its turn. Each of the two has a clock of its own,
///   both hold at all their times, and so they hold together whenever anybody looks; how they
///   depend on each other does not matter. It costs ln 2 in the boundary, a tenth of the width.
///
/// The variance that w is made of counts two values that nobody saw, at the greatest distance to
/// either side (1 for z, ½ for f). Labels that all agree have no spread, and an interval without
/// width would be certain after twenty: with shares near 0 or 1 that missed the truth in 37 of 100
/// runs, and in 2 of 100 with these two counted, for a twelfth of the width at 50 labels.
package struct PredictionPoweredSequence: Hashable, Sendable {
  /// Below this many labels nothing is said: the sequence is valid once there are enough.
  package static let leastLabels = 20
  /// Labels before the predictions are made anything of; few of them would say how much by chance.
  static let labelsBeforeTuning = 10

  private var predictions = SampleSummary()
  /// z.
  private var rectifiers = SampleSummary()
  private var tunings = SampleSummary()
  private var moments = PairedMoments()

  /// Nothing known.
  package init() {}

  /// Labels taken in.
  package var labelCount: Int { rectifiers.count }
  /// Predictions taken in.
  package var predictionCount: Int { predictions.count }

  /// Takes in what the model said of one pair, whether or not it is ever labelled.
  ///
  /// - Returns: whether it was in 0…1; if not, it moved nothing.
  @discardableResult
  package mutating func append(prediction: Double) -> Bool {
    (0...1).contains(prediction) && predictions.append(prediction)
  }

  /// Takes in what a person said of a pair of which the model had said `prediction`.
  ///
  /// - Returns: whether both were in 0…1; if not, they moved nothing.
  @discardableResult
  package mutating func append(label: Double, prediction: Double) -> Bool {
    guard (0...1).contains(label), (0...1).contains(prediction) else { return false }
    let tuning = self.tuning
    rectifiers.append(label - tuning * (prediction - 0.5))
    tunings.append(tuning)
    moments.append(label, prediction)
    return true
  }

  /// λ of the next label.
  private var tuning: Double {
    guard moments.count >= Self.labelsBeforeTuning else { return 0 }
    return PredictionPoweredMean.tuning(
      covariance: moments.covarianceSum, variance: moments.secondSum, ratio: 0)
  }

  /// θ̂; `nil` without labels or predictions.
  package var estimate: Double? {
    guard let correction = rectifiers.mean, let tuning = tunings.mean,
      let mean = predictions.mean
    else { return nil }
    return correction + tuning * (mean - 0.5)
  }

  /// Where θ is; both ends may lie beyond 0 and 1.
  ///
  /// - Parameters:
  ///   - alpha: in (0, ½)
  ///   - plannedLabels: where the labels' sequence is narrowest compared with others, above 0
  ///   - plannedPredictions: likewise
  /// - Returns: `nil` below ``leastLabels``, without predictions, and outside of these ranges.
  package func interval(
    alpha: Double, plannedLabels: Int, plannedPredictions: Int
  ) -> ConfidenceInterval? {
    guard labelCount >= Self.leastLabels, let estimate, let tuning = tunings.mean,
      let rectified = AsymptoticConfidenceSequence.halfWidth(
        variance: Self.variance(of: rectifiers, reach: 1), count: labelCount, alpha: alpha / 2,
        plannedCount: plannedLabels, sides: .both),
      let imputed = AsymptoticConfidenceSequence.halfWidth(
        variance: Self.variance(of: predictions, reach: 0.5), count: predictionCount,
        alpha: alpha / 2, plannedCount: plannedPredictions, sides: .both)
    else { return nil }
    let width = rectified + tuning * imputed
    return ConfidenceInterval(
      estimate: estimate, lower: estimate - width, upper: estimate + width)
  }

  /// Labels after which a mean that is `distance` from a border is about to be shown to be beyond
  /// it, with votes of 0 and 1 in equal parts and no help of the predictions: a good judge saves a
  /// quarter to a third of them.
  ///
  /// - Parameter alpha: in (0, ½)
  /// - Returns: `nil` when it is more than `limit`, or never.
  package static func labelsWanted(
    distance: Double, alpha: Double, atMost limit: Int = 1_000_000
  ) -> Int? {
    func isShown(_ count: Int) -> Bool {
      let variance = (0.25 * Double(count - 1) + 2) / Double(count + 1)
      let width = AsymptoticConfidenceSequence.halfWidth(
        variance: variance, count: count, alpha: alpha / 2, plannedCount: count, sides: .both)
      return width.map { $0 < distance } ?? false
    }
    guard limit >= leastLabels, isShown(limit) else { return nil }
    var (before, shown) = (leastLabels - 1, limit)
    while shown - before > 1 {
      let middle = before + (shown - before) / 2
      if isShown(middle) { shown = middle } else { before = middle }
    }
    return shown
  }

  /// With a value at `reach` to either side that was not seen.
  private static func variance(of summary: SampleSummary, reach: Double) -> Double {
    (summary.squaredDeviations + 2 * reach * reach) / Double(summary.count + 1)
  }
}
