/// A lower confidence sequence for the mean of numbers of which only a lower bound is known, as of
/// doubly robust scores: importance weights make some of them very large.
///
/// For X = (z + b)/(1 + b) ≥ 0 and any λᵢ in [0, 1) and centre cᵢ ≤ 1 that are known before Xᵢ,
/// the product of exp(λᵢ(Xᵢ − μ) − ψ(λᵢ)(Xᵢ − cᵢ)²) with ψ(λ) = −ln(1 − λ) − λ is a
/// supermartingale (Fan, Grama and Liu, "Exponential inequalities for martingales with
/// applications", EJP 20, 2015), so that at every look at once, with confidence 1 − α,
///
///     μ ≥ (Σ λᵢXᵢ − ln(1/α) − Σ ψ(λᵢ)(Xᵢ − cᵢ)²) / Σ λᵢ
///     λᵢ = min(1/2, sqrt(2 ln(1/α) / (σ̂²ᵢ₋₁ i ln(1 + i))))
///
/// the predictable plug-in empirical-Bernstein sequence of Waudby-Smith and Ramdas, "Estimating
/// means of bounded random variables by betting", JRSS-B 2024, theorem 2, on scores without an
/// upper bound as in Waudby-Smith, Wu, Ramdas, Karampatziakis and Mineiro, "Anytime-valid
/// off-policy inference for contextual bandits", arXiv 2210.10768. Numbers must come in the order
/// in which they came about.
struct EmpiricalBernsteinBound: Hashable, Sendable {
  private static let greatestBet = 0.5

  /// b: no number is below −b.
  private let greatestLoss: Double
  private let level: Double
  private var count = 0.0
  /// Σ X. The mean and the variance of X start with those of numbers z spread over [0, 1].
  private var sum = 0.0
  private let priorMean: Double
  private var squares: Double
  private var bets = 0.0
  private var gains = 0.0
  private var costs = 0.0

  /// - Parameters:
  ///   - greatestLoss: b ≥ 0, known before any number was seen.
  ///   - alpha: In (0, 1).
  init(greatestLoss: Double, alpha: Double) {
    self.greatestLoss = greatestLoss
    level = -Double.log(alpha)
    priorMean = (0.5 + greatestLoss) / (1 + greatestLoss)
    squares = 0.25 / ((1 + greatestLoss) * (1 + greatestLoss))
  }

  /// Takes a number in; finite and at least −b.
  mutating func append(_ value: Double) {
    let scaled = (value + greatestLoss) / (1 + greatestLoss)
    let centre = count > 0 ? min(sum / count, 1) : 0
    let variance = squares / (count + 1)
    count += 1
    let bet = min(
      Self.greatestBet,
      (2 * level / (variance * count * .log(onePlus: count))).squareRoot())
    bets += bet
    gains += bet * scaled
    costs += (scaled - centre) * (scaled - centre) * (-.log(onePlus: -bet) - bet)
    sum += scaled
    let mean = min((priorMean + sum) / (count + 1), 1)
    squares += (scaled - mean) * (scaled - mean)
  }

  /// The greatest mean that is ruled out; −∞ without numbers.
  var lowerBound: Double {
    guard bets > 0 else { return -.infinity }
    return (gains - level - costs) / bets * (1 + greatestLoss) - greatestLoss
  }
}
