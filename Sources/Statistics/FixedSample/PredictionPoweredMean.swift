/// The mean of what people would say of a large sample, from what they said of a small part of it
/// and what a model said of all: it takes out what the model is wrong by.
///
///     θ̂ = λ · mean(f, unlabelled) + mean(y − λ f, labelled)
///     λ = Cov(y, f) / ((1 + n/N) Var(f)), cut to 0…1
///     s² = λ² Var(f, unlabelled)/N + Var(y − λ f, labelled)/n
///
/// Angelopoulos, Bates, Fannjiang, Jordan and Zrnic, "Prediction-powered inference", Science 382,
/// 2023, with the tuning of Angelopoulos, Duchi and Zrnic, "PPI++: efficient prediction-powered
/// inference", 2023, example 6.1: a model that knows nothing has λ = 0 and costs nothing, one that
/// is partial shifts both terms by the same and the sum not at all.
///
/// For one look at a finished sample; `PredictionPoweredSequence` may be looked at as it grows.
package struct PredictionPoweredMean: Hashable, Sendable {
  /// λ, how much is made of the predictions.
  package let tuning: Double
  package let interval: FixedSampleInterval

  /// - Parameters:
  ///   - labels: y, what people said, `[n]`, at least two
  ///   - predictions: f of the same, `[n]`
  ///   - unlabelled: f of others that nobody was asked about, `[N]`, at least one
  ///   - confidence: in (0, 1)
  /// - Returns: `nil` for other counts, and for what is not finite.
  package init?(
    labels: [Double], predictions: [Double], unlabelled: [Double], confidence: Double = 0.95
  ) {
    guard labels.count >= 2, predictions.count == labels.count, !unlabelled.isEmpty,
      confidence > 0, confidence < 1,
      (labels + predictions + unlabelled).allSatisfy(\.isFinite)
    else { return nil }
    let moments = PairedMoments(zip(labels, predictions))
    let count = Double(labels.count)
    let others = Double(unlabelled.count)
    tuning = Self.tuning(
      covariance: moments.covarianceSum / count,
      variance: SampleSummary(predictions + unlabelled).variance ?? 0,
      ratio: count / others)
    let rectifier = SampleSummary(zip(labels, predictions).map { [tuning] in $0 - tuning * $1 })
    let imputed = SampleSummary(unlabelled.map { [tuning] in tuning * $0 })
    guard let correction = rectifier.mean, let base = imputed.mean else { return nil }
    let variance =
      rectifier.squaredDeviations / (count * count)
      + imputed.squaredDeviations / (others * others)
    interval = FixedSampleInterval(
      normal: base + correction, standardError: variance.squareRoot(), confidence: confidence)
  }

  /// λ of PPI++ for a mean; 0 for predictions that are all alike.
  ///
  /// - Parameter ratio: n/N
  static func tuning(covariance: Double, variance: Double, ratio: Double) -> Double {
    guard variance > 0 else { return 0 }
    return min(max(covariance / ((1 + ratio) * variance), 0), 1)
  }
}

extension FixedSampleInterval {
  /// The interval of an estimate with normal errors: estimate ± z · standard error.
  ///
  /// - Parameter confidence: in (0, 1)
  init(normal estimate: Double, standardError: Double, confidence: Double) {
    let tail = Double.log((1 - confidence) / 2)
    // Φ(z) = (1 + confidence) / 2, as for Wilson's interval.
    let radius = bisect(from: 0, to: 40) { Double.logNormalTail($0) > tail } * standardError
    self.init(estimate: estimate, lower: estimate - radius, upper: estimate + radius)
  }
}

/// How two numbers vary together, value by value; Welford's update (Technometrics 4, 1962).
struct PairedMoments: Hashable, Sendable {
  private(set) var count = 0
  /// Σ(y − ȳ)(f − f̄).
  private(set) var covarianceSum = 0.0
  /// Σ(f − f̄)².
  private(set) var secondSum = 0.0
  private var firstMean = 0.0
  private var secondMean = 0.0

  init(_ pairs: some Sequence<(Double, Double)> = []) {
    for (first, second) in pairs { append(first, second) }
  }

  /// Takes a finite pair in.
  mutating func append(_ first: Double, _ second: Double) {
    count += 1
    let fromFirst = first - firstMean
    let fromSecond = second - secondMean
    firstMean += fromFirst / Double(count)
    secondMean += fromSecond / Double(count)
    covarianceSum += fromFirst * (second - secondMean)
    secondSum += fromSecond * (second - secondMean)
  }
}
