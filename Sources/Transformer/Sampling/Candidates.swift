/// Tokens that may be drawn, with weights above 0 and at most 1, in no particular order.
struct Candidates {
  var all: [Logits.Candidate]

  init(all: [Logits.Candidate]) {
    self.all = all
  }

  /// The tokens whose weight is at least `floor`, which is above 0.
  init(of weights: [Float], floor: Float) {
    all = []
    for token in weights.indices where weights[token] >= floor {
      all.append(Logits.Candidate(token: Token(token), value: weights[token]))
    }
  }

  /// The token at the place `uniform`, 0 ..< 1, when the weights are laid end to end.
  func token(at uniform: Double) -> Token {
    var place = uniform * all.reduce(0) { $0 + Double($1.value) }
    for candidate in all {
      place -= Double(candidate.value)
      if place < 0 { return candidate.token }
    }
    // Only rounding leads here.
    return all.last?.token ?? 0
  }

  /// The token at `place` when the weights of all tokens are laid end to end.
  static func token(at place: Double, in weights: [Float]) -> Token {
    var place = place
    var last = 0
    for token in weights.indices where weights[token] > 0 {
      place -= Double(weights[token])
      if place < 0 { return Token(token) }
      last = token
    }
    return Token(last)
  }

  /// Keeps the fewest candidates of greatest weight whose sum reaches `goal`, or all if none do;
  /// at least one. Of equal weights the first are kept.
  ///
  /// Sorting is not needed: `leastWeight` finds the weight of the last one to keep.
  mutating func keepHeaviest(reaching goal: Double) {
    let (last, above) = leastWeight(reaching: goal)
    var reached = above
    var isEmpty = above == 0
    all.removeAll { candidate in
      guard candidate.value == last else { return candidate.value < last }
      guard reached < goal || isEmpty else { return true }
      isEmpty = false
      reached += Double(last)
      return false
    }
  }

  /// The greatest weight such that all candidates of at least that weight reach `goal` together,
  /// and the sum of those above it. If all do not reach it, the least of all weights.
  ///
  /// Bisects between the weights, and after each step looks only at those still undecided, so that
  /// a weight is looked at twice or so. Positive numbers are ordered as their bit patterns, which
  /// bounds the number of steps by 31.
  private func leastWeight(reaching goal: Double) -> (weight: Float, above: Double) {
    var undecided = all.map(\.value)
    // Invariant: from `low` on the goal is reached, if at all; from `high` on it is not, and
    // `above` is the sum from there.
    var low = (undecided.min() ?? 1).bitPattern
    var high = Float(1).nextUp.bitPattern
    var above = 0.0
    while high - low > 1 {
      let middle = Float(bitPattern: low + (high - low) / 2)
      let split = undecided.partition { $0 >= middle }
      let sum = undecided[split...].reduce(0) { $0 + Double($1) }
      if above + sum >= goal {
        low = middle.bitPattern
        undecided.removeSubrange(..<split)
      } else {
        high = middle.bitPattern
        above += sum
        undecided.removeSubrange(split...)
      }
    }
    return (Float(bitPattern: low), above)
  }
}
