/// Something measured of an answer, or of a pair of answers to one prompt.
///
/// A closed set: each case knows its unit, its direction and the range outside of which values are
/// clipped, declared before any is seen (Waudby-Smith & Ramdas 2024 need a bounded range).
package enum Metric: String, Hashable, Sendable, Codable, CaseIterable {
  /// 1 for an answer that failed, 0 for one that did not.
  case errorRate
  /// Seconds from when the model began to when the first token was out; queueing is not in it.
  case timeToFirstToken
  /// Seconds between tokens after the first.
  case timePerOutputToken
  /// Seconds that the model itself took for the whole answer.
  case latency
  /// Tokens of the answer for each second that the model itself took.
  case tokensPerSecond
  /// Tokens of the answer.
  case outputTokens
  /// What the answer cost by the model's price list.
  case cost
  /// Share of the incumbent's answer at which the candidate, given the same text so far, ranks the
  /// same token first. Needs a candidate that can score text, and the incumbent's vocabulary.
  case tokenAgreement
  /// Length of the common beginning of both answers over the longer one, in words. For any backend.
  case prefixAgreement
  /// 1 when both answers say the same but for case, punctuation and articles, else 0.
  case exactMatch
  /// Words that both answers have, whatever their order: F1 of SQuAD (Rajpurkar et al. 2016).
  case tokenF1
  /// The longest sequence of words that both answers have in one order: F-measure of ROUGE-L (Lin
  /// 2004).
  case rougeL
  /// Words of the shorter answer over those of the longer.
  case lengthRatio
  /// Cosine of the angle between the embeddings of both answers, 0 where it is negative. Needs the
  /// policy's model for embeddings.
  case embeddingSimilarity
  /// 1 when both answers call the same functions with the same arguments, in any order, else 0.
  case callEquality
  /// KL divergence of the candidate's next-token distributions from the incumbent's, in nats, mean
  /// over the incumbent's answer. Counts as 1 where it is more. Exact between variants of one model
  /// in this process; elsewhere a lower bound, from the tokens that both tell.
  case klDivergence
  /// How many times as perplexed the candidate is by the incumbent's answer as the incumbent itself
  /// is. Exact wherever both can score text, in whatever tokens.
  case answerPerplexity
  /// 1 when the policy's judge prefers the candidate's answer, 0 the incumbent's, ½ for a tie.
  case judgePreference
  /// 1 for an answer that passes the gate's ``AnswerCheck``, 0 for one that does not.
  case check
  /// What users said of the answer, 0…1 (``Feedback``), of those who said something.
  case feedback
  /// Of the requests whose choices came from both models, the share in which users preferred those
  /// of the candidate.
  case preference

  /// Which way is better.
  package enum Direction: Sendable { case lower, higher }

  package var direction: Direction {
    switch self {
    case .errorRate, .timeToFirstToken, .timePerOutputToken, .latency, .outputTokens, .cost,
      .klDivergence, .answerPerplexity:
      .lower
    case .tokensPerSecond, .tokenAgreement, .prefixAgreement, .exactMatch, .tokenF1, .rougeL,
      .lengthRatio, .embeddingSimilarity, .callEquality, .judgePreference, .check, .feedback,
      .preference:
      .higher
    }
  }

  /// How values are put on a bounded scale.
  package enum Scale: Hashable, Sendable {
    /// A share in 0…1, compared by differences.
    case proportion
    /// A positive quantity, clipped to `range` and compared by ratios (differences of logarithms).
    case logarithm(range: ClosedRange<Double>)
  }

  package var scale: Scale {
    switch self {
    case .errorRate, .tokenAgreement, .prefixAgreement, .exactMatch, .tokenF1, .rougeL,
      .lengthRatio, .embeddingSimilarity, .callEquality, .klDivergence, .judgePreference, .check,
      .feedback, .preference:
      .proportion
    case .answerPerplexity: .logarithm(range: 0.001...1_000)
    case .timeToFirstToken: .logarithm(range: 0.0001...600)
    case .timePerOutputToken: .logarithm(range: 0.00001...60)
    case .latency: .logarithm(range: 0.0001...3600)
    case .tokensPerSecond: .logarithm(range: 0.001...1_000_000)
    case .outputTokens: .logarithm(range: 1...131_072)
    case .cost: .logarithm(range: 1e-9...10_000)
    }
  }

  /// Whether a value belongs to a pair of answers rather than to one: only shadow steps have it.
  package var isOfPair: Bool {
    switch self {
    case .tokenAgreement, .prefixAgreement, .exactMatch, .tokenF1, .rougeL, .lengthRatio,
      .embeddingSimilarity, .callEquality, .klDivergence, .answerPerplexity, .judgePreference:
      true
    case .errorRate, .timeToFirstToken, .timePerOutputToken, .latency, .tokensPerSecond,
      .outputTokens, .cost, .check, .feedback, .preference:
      false
    }
  }

  /// Whether the value of a pair comes from its texts alone, for any backend.
  package var isOfTexts: Bool {
    switch self {
    case .exactMatch, .tokenF1, .rougeL, .lengthRatio: true
    case .errorRate, .timeToFirstToken, .timePerOutputToken, .latency, .tokensPerSecond,
      .outputTokens, .cost, .tokenAgreement, .prefixAgreement, .embeddingSimilarity,
      .callEquality, .klDivergence, .answerPerplexity, .judgePreference, .check, .feedback,
      .preference:
      false
    }
  }

  /// Whether the value of a pair comes from both models' next-token distributions.
  package var isOfDistributions: Bool { self == .klDivergence || self == .answerPerplexity }

  /// Whether a pair of whole answers may have no value without anybody's fault: not every pair is
  /// asked about, not every pair has what is compared, and who reads a given answer may be down.
  package var isOfSomePairs: Bool {
    switch self {
    case .judgePreference, .embeddingSimilarity, .callEquality, .klDivergence, .answerPerplexity,
      .tokenAgreement:
      true
    case .errorRate, .timeToFirstToken, .timePerOutputToken, .latency, .tokensPerSecond,
      .outputTokens, .cost, .prefixAgreement, .exactMatch, .tokenF1, .rougeL, .lengthRatio, .check,
      .feedback, .preference:
      false
    }
  }

  /// Of a metric of pairs, what the incumbent has when it is compared with itself.
  package var valueOfItself: Double {
    switch self {
    case .klDivergence: 0
    case .judgePreference: 0.5
    default: 1
    }
  }

  /// Whether nothing is better than the incumbent, which is wholly like itself.
  package var isLikeness: Bool { isOfPair && self != .judgePreference }

  /// Whether values are events that should be rare: their shares may be compared by ratios, too.
  package var isOfRareEvents: Bool { self == .errorRate }

  /// Whether values hang on how much traffic a model has, so that those of one weight say nothing
  /// of another.
  package var hangsOnLoad: Bool {
    switch self {
    case .timeToFirstToken, .timePerOutputToken, .latency, .tokensPerSecond: true
    case .errorRate, .outputTokens, .cost, .tokenAgreement, .prefixAgreement, .exactMatch,
      .tokenF1, .rougeL, .lengthRatio, .embeddingSimilarity, .callEquality, .klDivergence,
      .answerPerplexity, .judgePreference, .check, .feedback, .preference:
      false
    }
  }

  /// Whether large values are bad and have a tail that a quantile can be taken of.
  package var hasTail: Bool { scale != .proportion && direction == .lower && !isOfPair }

  /// Whether a value comes from who read the answer: nobody reads a shadow's, so that only canary
  /// and split steps have it.
  package var isFromUsers: Bool { self == .feedback || self == .preference }

  /// By how much a share can be above or below what it is held against: preference is held against
  /// one half, other shares against those of the incumbent.
  package var greatestDifference: Double { self == .preference ? 0.5 : 1 }

  /// What people read behind a value.
  package var unit: String {
    switch self {
    case .errorRate, .tokenAgreement, .prefixAgreement, .exactMatch, .tokenF1, .rougeL,
      .lengthRatio:
      "share"
    case .embeddingSimilarity: "cosine"
    case .callEquality: "share of pairs"
    case .check: "share of answers"
    case .feedback: "approval"
    case .preference: "share of votes"
    case .judgePreference: "share of judgements"
    case .klDivergence: "nats"
    case .answerPerplexity: "times the incumbent's"
    case .timeToFirstToken, .timePerOutputToken, .latency: "seconds"
    case .tokensPerSecond: "tokens a second"
    case .outputTokens: "tokens"
    case .cost: "units of the price's currency"
    }
  }
}

/// A metric with what must hold of it: one line under `metrics:`.
package struct MetricGate: Hashable, Sendable, Codable {
  /// Unique in the policy; what verdicts are reported under.
  package var name: String
  package var metric: Metric
  package var role: Role
  package var objective: Objective
  /// Which quantile is compared, in 0.9…0.999; `nil` compares means.
  package var quantile: Double?
  /// The part of traffic looked at; `nil` is all of it.
  package var slice: SliceCondition?
  package var onFail: FailAction
  /// What follows when a step has its time and its samples and the gate has no data; `nil` holds,
  /// as before there was a choice.
  package var onNoData: NoDataAction?
  /// What an answer must pass; with metric ``Metric/check``, and only with it.
  package var check: AnswerCheck?

  package init(
    name: String, metric: Metric, role: Role, objective: Objective, quantile: Double? = nil,
    slice: SliceCondition? = nil, onFail: FailAction = .rollBack, onNoData: NoDataAction? = nil,
    check: AnswerCheck? = nil
  ) {
    self.name = name
    self.metric = metric
    self.role = role
    self.objective = objective
    self.quantile = quantile
    self.slice = slice
    self.onFail = onFail
    self.onNoData = onNoData
    self.check = check
  }

  /// Where the scores of an answer or pair have the gate's value; `nil` for what every answer has.
  package var score: ScoreID? { check.map { ScoreID(check: $0.name) } }

  /// What a metric is for.
  package enum Role: String, Hashable, Sendable, Codable, CaseIterable {
    /// Must be shown to improve.
    case goal
    /// Must be shown not to get worse than its margin.
    case guardrail
    /// Warns, and stops nothing.
    case signal
    /// Is only drawn.
    case info

    /// Whether the step waits for a `pass`.
    package var isRequired: Bool { self == .goal || self == .guardrail }
  }

  /// What must be shown, candidate against incumbent.
  package enum Objective: Hashable, Sendable, Codable {
    /// The candidate loses at most this much in the bad direction: non-inferiority.
    case notWorse(by: Margin)
    /// The candidate gains more than this much in the good direction.
    case better(by: Margin)
  }

  /// A tolerated loss or a wanted gain.
  package enum Margin: Hashable, Sendable, Codable {
    /// In shares: 0.005 is half a percentage point. For proportions.
    case absolute(Double)
    /// In ratios: 0.2 is 20 % of the incumbent's value. For quantities on the logarithmic scale,
    /// and for error rates, whose risks are then compared (``Metric/isOfRareEvents``).
    case relative(Double)
  }

  /// Whether changes are read in percent of the incumbent's value, rather than in points.
  package var comparesRatios: Bool {
    switch objective {
    case .notWorse(.relative), .better(.relative): true
    case .notWorse(.absolute), .better(.absolute): false
    }
  }

  /// What follows when the gate is shown to be violated.
  package enum FailAction: String, Hashable, Sendable, Codable, CaseIterable {
    case rollBack
    /// The candidate whose gate it is leaves for good; the last one takes the rollout back.
    case drop
    case pause, warn
  }

  /// What follows when nothing was measured where something should have been.
  package enum NoDataAction: String, Hashable, Sendable, Codable, CaseIterable {
    case hold, pause
  }
}

/// A part of traffic that a gate looks at alone.
package struct SliceCondition: Hashable, Sendable {
  /// Tokens of the prompt, as counted by the model that answered.
  package var promptTokens: ClosedRange<Int>
  /// What the client must have said of the request, all of it; as ``RequestMatch/labels``.
  package var labels: [RequestLabel]
  /// What headers the request must have had, all of them; as ``RequestMatch/headers``.
  package var headers: [RequestHeader]

  package init(
    promptTokens: ClosedRange<Int> = SliceCondition.anyLength, labels: [RequestLabel] = [],
    headers: [RequestHeader] = []
  ) {
    self.promptTokens = promptTokens
    self.labels = labels
    self.headers = headers
  }

  /// Prompts of every length, of unknown ones too.
  package static let anyLength = 0...Int.max

  /// Whether the length of a prompt decides who belongs to the slice.
  package var asksForLength: Bool {
    promptTokens != Self.anyLength || labels.isEmpty && headers.isEmpty
  }

  /// Whether a request has the labels and the headers that are asked for.
  ///
  /// - Parameter labels: what was kept of the request, headers by their ``RequestHeader/labelKey``
  package func hasLabels(in found: [String: String]) -> Bool {
    labels.allSatisfy { found[$0.key] == $0.value }
      && headers.allSatisfy { found[$0.labelKey] == $0.value }
  }

  /// Whether a request belongs to the slice; where the length decides, one of unknown length
  /// belongs to none.
  package func contains(promptTokens count: Int?, labels: [String: String]) -> Bool {
    guard hasLabels(in: labels) else { return false }
    return asksForLength ? count.map(promptTokens.contains) ?? false : true
  }
}

extension SliceCondition: CustomStringConvertible {
  package var description: String {
    let length =
      switch (promptTokens.lowerBound, promptTokens.upperBound) {
      case (let low, Int.max): "promptTokens >= \(low)"
      case (0, let high): "promptTokens <= \(high)"
      case (let low, let high): "promptTokens \(low)…\(high)"
      }
    let said =
      labels.map { "\($0.key)=\($0.value)" } + headers.map { "\($0.name)=\($0.value)" }
    return ((asksForLength ? [length] : []) + said).joined(separator: ", ")
  }
}
