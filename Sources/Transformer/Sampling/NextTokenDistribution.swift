#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// One position's next-token distribution: the softmax of its logits.
///
/// Borrows the logits: they must outlive it.
struct NextTokenDistribution {
  private let logits: UnsafeMutableBufferPointer<Float>
  private let greatest: Float
  /// Of exp(logit − greatest).
  private let total: Double
  /// The likeliest token, and of equals the one with the least id.
  let top: Token

  /// - Parameter logits: `[vocabularySize]`
  /// - Returns: `nil` if a logit is NaN or +∞, or if none is above −∞.
  init?(_ logits: UnsafeMutableBufferPointer<Float>) {
    guard let greatest = Logits.greatest(of: logits) else { return nil }
    self.logits = logits
    self.greatest = greatest
    top = Token(logits.firstIndex(of: greatest) ?? 0)
    var total = 0.0
    for logit in logits { total += Double(Logits.exponential(logit - greatest)) }
    self.total = total
  }

  /// Natural logarithm of a token's probability.
  func logProbability(of token: Token) -> Double {
    Double(logits[Int(token)]) - Double(greatest) - log(total)
  }

  /// KL(self ‖ other) = Σ p · ln(p / q), in nats (Kullback and Leibler 1951).
  ///
  /// With p = w / W and q = u / U, weights over the greatest logit of each, that is
  /// Σ w · (l − m) / W + ln Q − ln P, P and Q being the sums of the exponentials of the logits l of
  /// p and m of q. One pass; the rounding of single-precision weights leaves about 1e-7, and what
  /// it makes negative is 0.
  ///
  /// - Returns: infinite where `other` holds something for impossible that `self` does not.
  func divergence(to other: NextTokenDistribution) -> Double {
    precondition(other.logits.count == logits.count, "distributions over other vocabularies")
    var sum = 0.0
    for index in 0..<logits.count {
      let weight = Logits.exponential(logits[index] - greatest)
      // A weight of 0 contributes nothing, though the logits may be −∞.
      if weight > 0 {
        sum += Double(weight) * (Double(logits[index]) - Double(other.logits[index]))
      }
    }
    let normalisers =
      Double(other.greatest) - Double(greatest) + log(other.total) - log(total)
    return max(0, sum / total + normalisers)
  }
}
