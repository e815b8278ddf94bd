/// How the next token is drawn from the logits. Checked once, here, so that drawing need not.
///
/// The steps and their order: `logitBias`; penalties for tokens that occurred; `temperature`;
/// `topK`; `topP` of what top-k left; `minP`; one draw. `SamplingOptions.greedy` takes the best.
package struct SamplingOptions: Hashable, Sendable {
  /// Takes the token with the greatest logit, and of equals the one with the least id.
  package static let greedy = SamplingOptions()

  /// 0 takes the best token; 1 draws from the model's own distribution. 0…2 as OpenAI allows.
  package let temperature: Double
  /// Keep this many of the likeliest tokens, or all if `nil`. At least 1.
  package let topK: Int?
  /// Keep the fewest likeliest tokens whose probabilities reach this share. 0…1; 1 keeps all.
  package let topP: Double
  /// Keep the tokens at least this many times as likely as the likeliest. 0…1; 0 keeps all.
  ///
  /// Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling".
  package let minP: Double
  /// Divides positive and multiplies negative logits of tokens in the prompt or the answer.
  /// 0.1…10; 1 does nothing. Keskar et al. 2019, "CTRL", section 4.1.
  package let repetitionPenalty: Double
  /// Is taken once from the logit of each token in the answer so far. −2…2.
  package let presencePenalty: Double
  /// Is taken from a token's logit for each time it occurs in the answer so far. −2…2.
  package let frequencyPenalty: Double
  /// Is added to the logits of these tokens. −100…100 each, at most 1,024 tokens.
  package let logitBias: [Token: Double]
  /// The same seed, options, prompt and logits give the same tokens.
  package let seed: UInt64
  /// How many alternatives come with each token: 0…20. `nil`: not even its log-probability.
  package let logProbabilities: Int?

  /// Whether the tokens that occurred matter.
  var penalises: Bool {
    repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0
  }

  private init() {
    temperature = 0
    topK = nil
    topP = 1
    minP = 0
    repetitionPenalty = 1
    presencePenalty = 0
    frequencyPenalty = 0
    logitBias = [:]
    seed = 0
    logProbabilities = nil
  }

  /// Checks every option.
  ///
  /// - Throws: `invalidRequest` that names each option outside its range, or not a number.
  package init(
    temperature: Double = 1, topK: Int? = nil, topP: Double = 1, minP: Double = 0,
    repetitionPenalty: Double = 1, presencePenalty: Double = 0, frequencyPenalty: Double = 0,
    logitBias: [Token: Double] = [:], seed: UInt64 = 0, logProbabilities: Int? = nil
  ) throws(TransformerError) {
    var mistakes: [String] = []
    // A range contains no NaN.
    func check(_ name: String, _ value: Double, _ range: ClosedRange<Double>) {
      if !range.contains(value) {
        mistakes.append("\(name) is \(value), not in \(range.lowerBound)...\(range.upperBound)")
      }
    }
    check("temperature", temperature, 0...2)
    check("top_p", topP, 0...1)
    check("min_p", minP, 0...1)
    check("repetition_penalty", repetitionPenalty, 0.1...10)
    check("presence_penalty", presencePenalty, -2...2)
    check("frequency_penalty", frequencyPenalty, -2...2)
    if let topK, topK < 1 { mistakes.append("top_k is \(topK), not at least 1") }
    if let logProbabilities, !(0...20).contains(logProbabilities) {
      mistakes.append("top_logprobs is \(logProbabilities), not in 0...20")
    }
    if logitBias.count > 1_024 {
      mistakes.append("logit_bias has \(logitBias.count) tokens, more than 1024")
    }
    for (token, bias) in logitBias.sorted(by: { $0.key < $1.key }).prefix(1_024) {
      if token < 0 { mistakes.append("logit_bias names token \(token), which is negative") }
      check("logit_bias of token \(token)", bias, -100...100)
    }
    guard mistakes.isEmpty else {
      throw TransformerError(.invalidRequest, mistakes.joined(separator: "; "))
    }
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.presencePenalty = presencePenalty
    self.frequencyPenalty = frequencyPenalty
    self.logitBias = logitBias
    self.seed = seed
    self.logProbabilities = logProbabilities
  }
}
