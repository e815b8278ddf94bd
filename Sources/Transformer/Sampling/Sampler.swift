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

  package init(_ options: SamplingOptions) {
    self.options = options
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
  /// - Complexity: a few passes over the logits; never sorts them, except where nearly all tokens
  ///   share the top-p probability, or top-k asks for nearly all.
  package mutating func sample(
    logits: UnsafeMutableBufferPointer<Float>
  ) throws(TransformerError) -> SampledToken {
    guard let greatest = Logits.greatest(of: logits) else { throw Self.noDistribution(logits) }
    let originals = try adjust(logits)
    let token: Token
    do throws(TransformerError) {
      token = try draw(from: logits)
    } catch {
      restore(originals, in: logits)
      throw error
    }
    restore(originals, in: logits)
    if options.penalises { drawn[token, default: 0] += 1 }
    return describe(token, logits, greatest)
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
    if let topK = options.topK, topK < logits.count {
      let scale = 1 / options.temperature
      let likeliest = Logits.heaviest(topK, of: logits).map {
        (token: $0.token, weight: exp(Double($0.value - greatest) * scale))
      }
      return draw(from: likeliest, total: likeliest.reduce(0) { $0 + $1.weight })
    }
    if weights.count != logits.count {
      weights = [Float](repeating: 0, count: logits.count)
    }
    let uniform = options.topP < 1 ? nil : Optional(generator.uniform())
    // Taken out, because the closure may not use `self` while it has the weights.
    let scale = Float(1 / options.temperature)
    let (topP, minP) = (options.topP, options.minP)
    let drawn = weights.withUnsafeMutableBufferPointer { weights -> Drawn in
      let total = Logits.exponentials(
        of: logits, greatest: greatest, scale: scale, into: weights)
      return if let uniform {
        .token(Self.walk(weights, floor: Float(minP), total: total, uniform: uniform))
      } else {
        .nucleus(Self.nucleus(weights, share: topP, total: total), total: total)
      }
    }
    switch drawn {
    case .token(let token): return token
    case .nucleus(let likeliest, let total): return draw(from: likeliest, total: total)
    }
  }

  private enum Drawn {
    case token(Token)
    case nucleus([(token: Token, weight: Double)], total: Double)
  }

  /// Cuts `likeliest`, best first, by top-p of `total` and by min-p, and draws from the rest.
  private mutating func draw(
    from likeliest: [(token: Token, weight: Double)], total: Double
  ) -> Token {
    let floor = options.minP * likeliest[0].weight
    var kept = 0
    var sum = 0.0
    // The first is kept whatever the shares are.
    repeat {
      sum += likeliest[kept].weight
      kept += 1
    } while kept < likeliest.count && sum < options.topP * total
      && likeliest[kept].weight >= floor
    var place = generator.uniform() * sum
    for candidate in likeliest[..<kept] {
      place -= candidate.weight
      if place < 0 { return candidate.token }
    }
    // Only rounding leads here.
    return likeliest[kept - 1].token
  }

  /// The likeliest tokens that together reach `share` of `total`, and maybe more of them.
  private static func nucleus(
    _ weights: UnsafeMutableBufferPointer<Float>, share: Double, total: Double
  ) -> [(token: Token, weight: Double)] {
    var count = 64
    while true {
      let likeliest = Logits.heaviest(count, of: weights)
      let reached = likeliest.reduce(0) { $0 + Double($1.value) } >= share * total
      if reached || likeliest.count == weights.count {
        return likeliest.map { ($0.token, Double($0.value)) }
      }
      count *= 8
    }
  }

  /// The token at the place `uniform`, 0 ..< 1, among all whose weight reaches `floor`.
  private static func walk(
    _ weights: UnsafeMutableBufferPointer<Float>, floor: Float, total: Double, uniform: Double
  ) -> Token {
    var total = total
    if floor > 0 {
      for index in 0..<weights.count where weights[index] < floor { weights[index] = 0 }
      total = Logits.sum(of: weights)
    }
    var place = uniform * total
    var last = 0
    for index in 0..<weights.count where weights[index] > 0 {
      place -= Double(weights[index])
      last = index
      if place < 0 { break }
    }
    return Token(last)
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
