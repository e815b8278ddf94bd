/// When a random walk with positive drift first passes a level.
///
/// With drift g and variance v a step, the first passage over b has this distribution with mean
/// b/g and shape b²/v.
struct InverseGaussian: Hashable {
  let mean: Double
  let shape: Double

  /// Φ(√(s/t)(t/m − 1)) + exp(2s/m) Φ(−√(s/t)(t/m + 1)), t > 0.
  func cumulative(_ time: Double) -> Double {
    let root = (shape / time).squareRoot()
    let ratio = time / mean
    let first = Double.exp(.logNormalTail(-root * (ratio - 1)))
    return first + .exp(2 * shape / mean + .logNormalTail(root * (ratio + 1)))
  }

  /// The time by which a `share` in (0, 1) of walks has passed.
  func quantile(_ share: Double) -> Double {
    var high = mean
    for _ in 0..<200 where cumulative(high) < share { high *= 2 }
    return bisect(from: 0, to: high) { cumulative($0) < share }
  }
}
