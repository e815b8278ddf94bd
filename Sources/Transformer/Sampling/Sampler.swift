#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Draws one token after another from the logits of one answer, and remembers what it drew.
///
///     var sampler = Sampler(options)
///     sampler.observe(prompt: prompt)
///     let next = try sampler.sample(logits: logits)
///
/// Deterministic: the seed in the options is the only source of chance.
package struct Sampler: Sendable {
  package let options: SamplingOptions
  private var generator: SplitMix64
  /// Tokens of the prompt, for the repetition penalty; empty without one.
  private var promptTokens: Set<Token> = []
  /// How often each token was drawn, for the penalties; empty without them.
  private var drawn: [Token: Int] = [:]
  /// `[vocabularySize]`, scratch, allocated by the first draw that needs it.
  private var weights: [Float] = []
  /// What the answer must look like; `nil` for any.
  private var answer: ConstrainedAnswer?
  /// `[vocabularySize]`, the model's own logits while others are excluded.
  private var unconstrained: [Float] = []

  package init(_ options: SamplingOptions, constraint: OutputConstraint? = nil) {
    self.options = options
    answer = constraint.map(ConstrainedAnswer.init)
    generator = SplitMix64(seed: options.seed)
  }

  /// Lets the repetition penalty know the prompt. Does nothing without that penalty.
  package mutating func observe(prompt: some Sequence<Token>) {
    if options.repetitionPenalty != 1 { promptTokens.formUnion(prompt) }
  }

  /// Draws the next token.
  ///
  /// - Parameter logits: `[vocabularySize]`; −∞ excludes a token. Changed on the way, and left as
  ///   they were.
  /// - Throws: `notANumber` if a logit is NaN or +∞, or if none is above −∞; `invalidRequest` if
  ///   the options name a token outside the vocabulary. Nothing is drawn or remembered then.
  /// - Complexity: a few passes over the logits; sorts only what top-k or alternatives ask for.
  package mutating func sample(
    logits: UnsafeMutableBufferPointer<Float>
  ) throws(TransformerError) -> SampledToken {
    guard let greatest = Logits.greatest(of: logits) else { throw Self.noDistribution(logits) }
    let token = try drawConstrained(from: logits)
    answer?.take(token)
    if options.penalises { drawn[token, default: 0] += 1 }
    return describe(token, logits, greatest)
  }

  /// Draws among the tokens that the constraint allows here.
  private mutating func drawConstrained(
    from logits: UnsafeMutableBufferPointer<Float>
  ) throws(TransformerError) -> Token {
    guard answer != nil else { return try drawAdjusted(from: logits) }
    unconstrained.removeAll(keepingCapacity: true)
    unconstrained.append(contentsOf: logits)
    defer { _ = logits.update(fromContentsOf: unconstrained) }
    guard answer?.exclude(from: logits) == true else {
      throw TransformerError(
        .invalidRequest,
        "this model has no token that goes on with what the answer's form demands here; "
          + "ask for another form")
    }
    return try drawAdjusted(from: logits)
  }

  private mutating func drawAdjusted(
    from logits: UnsafeMutableBufferPointer<Float>
  ) throws(TransformerError) -> Token {
    let originals = try adjust(logits)
    defer { restore(originals, in: logits) }
    return try draw(from: logits)
  }

  // MARK: Biases and penalties

  /// Changes the few logits that options and history concern, and returns what they were.
  private func adjust(
    _ logits: UnsafeMutableBufferPointer<Float>
  ) throws(TransformerError) -> [(Token, Float)] {
    var touched = Set(options.logitBias.keys)
    touched.formUnion(promptTokens)
    touched.formUnion(drawn.keys)
    for token in touched where !logits.indices.contains(Int(token)) {
      throw TransformerError(
        .invalidRequest,
        "logit_bias or the prompt names token \(token); there are \(logits.count) tokens")
    }
    var originals: [(Token, Float)] = []
    originals.reserveCapacity(touched.count)
    for token in touched {
      let original = logits[Int(token)]
      originals.append((token, original))
      logits[Int(token)] = adjusted(original, token)
    }
    return originals
  }

  private func adjusted(_ original: Float, _ token: Token) -> Float {
    var logit = Double(original) + (options.logitBias[token] ?? 0)
    let count = drawn[token] ?? 0
    if count > 0 || promptTokens.contains(token) {
      logit = logit > 0 ? logit / options.repetitionPenalty : logit * options.repetitionPenalty
    }
    if count > 0 {
      logit -= options.presencePenalty + Double(count) * options.frequencyPenalty
    }
    return Float(logit)
  }

  private func restore(
    _ originals: [(Token, Float)], in logits: UnsafeMutableBufferPointer<Float>
  ) {
    for (token, logit) in originals { logits[Int(token)] = logit }
  }

  // MARK: Drawing

  /// Below this, e^(difference / temperature) is 0 or 1 for all logits that differ visibly.
  private static let leastTemperature = 1e-4

  private mutating func draw(
    from logits: UnsafeMutableBufferPointer<Float>
  ) throws(TransformerError) -> Token {
    // Penalties may have moved the greatest logit, or a value near the end of Float beyond it.
    guard let greatest = Logits.greatest(of: logits) else { throw Self.noDistribution(logits) }
    guard options.temperature >= Self.leastTemperature else {
      return Token(logits.firstIndex(of: greatest) ?? 0)
    }
    let uniform = generator.uniform()
    let scale = Float(1 / options.temperature)
    if let topK = options.topK, topK < logits.count {
      let candidates = Logits.heaviest(topK, of: logits).map {
        Logits.Candidate(
          token: $0.token, value: Logits.exponential(($0.value - greatest) * scale))
      }
      let total = candidates.reduce(0) { $0 + Double($1.value) }
      return truncated(candidates, total: total).token(at: uniform)
    }
    if weights.count != logits.count {
      weights = [Float](repeating: 0, count: logits.count)
    }
    let total = weights.withUnsafeMutableBufferPointer {
      Logits.exponentials(of: logits, greatest: greatest, scale: scale, into: $0)
    }
    // All tokens below (1 − p) / n together are less than 1 − p: the nucleus has none of them. Some
    // room for rounding.
    let floor = max(0.999 * (1 - options.topP) * total / Double(logits.count), options.minP)
    guard floor > 0 else { return Candidates.token(at: uniform * total, in: weights) }
    let candidates = Candidates(of: weights, floor: Float(floor))
    return truncated(candidates.all, total: total).token(at: uniform)
  }

  /// Cuts candidates by top-p of `total` and by min-p.
  private func truncated(_ candidates: [Logits.Candidate], total: Double) -> Candidates {
    var candidates = Candidates(all: candidates)
    if options.topP < 1 { candidates.keepHeaviest(reaching: options.topP * total) }
    // The likeliest weighs 1.
    if options.minP > 0 { candidates.all.removeAll { $0.value < Float(options.minP) } }
    return candidates
  }

  // MARK: What the model itself thought

  private mutating func describe(
    _ token: Token, _ logits: UnsafeMutableBufferPointer<Float>, _ greatest: Float
  ) -> SampledToken {
    guard let count = options.logProbabilities else {
      return SampledToken(token: token, logProbability: nil, alternatives: [])
    }
    if weights.count != logits.count {
      weights = [Float](repeating: 0, count: logits.count)
    }
    let total = weights.withUnsafeMutableBufferPointer {
      Logits.exponentials(of: logits, greatest: greatest, scale: 1, into: $0)
    }
    let logTotal = Double(greatest) + log(total)
    return SampledToken(
      token: token,
      logProbability: Double(logits[Int(token)]) - logTotal,
      alternatives: Logits.heaviest(count, of: logits).map {
        .init(token: $0.token, logProbability: Double($0.value) - logTotal)
      })
  }

  private static func noDistribution(
    _ logits: UnsafeMutableBufferPointer<Float>
  ) -> TransformerError {
    let place = logits.firstIndex { !($0 < .infinity) }
    let what =
      place.map { "the logit of token \($0) is \(logits[$0])" }
      ?? "all \(logits.count) logits are −∞"
    return TransformerError(
      .notANumber, "no token can be drawn: \(what); the weights or the attention are broken")
  }
}
