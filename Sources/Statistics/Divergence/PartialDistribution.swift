#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A distribution of which some probabilities are told, and of the rest only that it is the rest:
/// what a server tells of its likeliest tokens.
package struct PartialDistribution: Hashable, Sendable {
  /// What a rest is taken to be larger than it seems: logarithms are told in single precision, so
  /// that the sum of their exponentials is off by about a tenth of this.
  private static let rounding = 1e-6

  /// By outcome, in ascending order, so that sums come out the same every time.
  private let told: [Told]

  private struct Told: Hashable, Sendable {
    var outcome: Int
    var logProbability: Double
  }

  /// - Parameter logProbabilities: natural logarithms by outcome, each at most 0 but for rounding
  package init(_ logProbabilities: [Int: Double]) {
    told = logProbabilities.map { Told(outcome: $0.key, logProbability: $0.value) }
      .sorted { $0.outcome < $1.outcome }
  }

  /// A lower bound of KL(self ‖ other), in nats; at least 0.
  ///
  /// Both distributions are looked at through one partition: each outcome that both tell is a part
  /// of its own, and all others together are one more. To lump outcomes together is to process
  /// data, which never makes two distributions easier to tell apart (Cover and Thomas 2006, theorem
  /// 2.7.1: the log sum inequality), so that the divergence of the lumped ones is at most that of
  /// the whole ones. It is the whole one where the ratio of both is the same for all that is lumped
  /// together.
  ///
  /// The rest of `other` is taken a millionth larger than it seems, which makes the bound a little
  /// smaller and a rest of 0 harmless.
  package func divergenceBound(to other: PartialDistribution) -> Double {
    var sum = 0.0
    var rest = 1.0
    var otherRest = 1.0
    var others = other.told[...]
    for mine in told {
      others = others.drop { $0.outcome < mine.outcome }
      guard let theirs = others.first, theirs.outcome == mine.outcome else { continue }
      let probability = exp(mine.logProbability)
      rest -= probability
      otherRest -= exp(theirs.logProbability)
      // What has no probability contributes nothing, whatever its logarithm.
      if probability > 0 { sum += probability * (mine.logProbability - theirs.logProbability) }
    }
    if rest > 0 { sum += rest * log(rest / (max(0, otherRest) + Self.rounding)) }
    return max(0, sum)
  }
}
