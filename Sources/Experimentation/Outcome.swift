/// What one request did, without a word of what it said.
package struct Outcome: Hashable, Sendable {
  package var requestID: String
  package var assignment: Assignment
  /// The model that answered.
  package var model: ModelName
  package var measurements: Measurements
  /// Which choices of an answer that was interleaved the model was drafted for, from 0, ascending;
  /// empty when it gave the whole answer.
  package var choices: [Int]
  /// What the draft was drawn from, beside who took part and the policy's salt: with all three
  /// anybody drafts the answer again. `nil` when the model gave the whole answer.
  package var draw: String?

  package init(
    requestID: String, assignment: Assignment, model: ModelName, measurements: Measurements,
    choices: [Int] = [], draw: String? = nil
  ) {
    self.choices = choices
    self.draw = draw
    self.requestID = requestID
    self.assignment = assignment
    self.model = model
    self.measurements = measurements
  }
}

/// How a request came to its model: what the statistics need to know of the routing.
package struct Assignment: Hashable, Sendable {
  package var route: RouteName
  /// `nil` when the route has no rollout under way.
  package var rollout: RolloutPosition?
  /// Hash of the assignment unit, never the unit.
  package var unitHash: UInt64
  /// The probability with which the answering model was chosen, 0 < p ≤ 1; `nil` for a request that
  /// was pinned to its model, which is never evidence.
  package var propensity: Double?
  /// Milliseconds since 1970 when the route was chosen, by the wall clock; for people, not for
  /// order.
  package var atMilliseconds: Int64
  /// What the client said of the request, as far as policies ask for it; for slices.
  package var labels: [String: String] = [:]

  package init(
    route: RouteName, rollout: RolloutPosition?, unitHash: UInt64, propensity: Double?,
    atMilliseconds: Int64
  ) {
    self.route = route
    self.rollout = rollout
    self.unitHash = unitHash
    self.propensity = propensity
    self.atMilliseconds = atMilliseconds
  }
}

/// Where a rollout stood when a request was routed.
package struct RolloutPosition: Hashable, Sendable {
  package var rollout: RolloutName
  /// Digest of the policy in force.
  package var digest: String
  /// Index of the step, from 0.
  package var step: Int
  /// Counts the runs of the rollout: another application of the policy starts evidence afresh.
  package var run: Int
  /// Which of a bandit's tables was in force (``BanditAllocation/number``); 0 before the first
  /// and in every other step.
  package var allocation: Int

  package init(rollout: RolloutName, digest: String, step: Int, run: Int, allocation: Int = 0) {
    self.rollout = rollout
    self.digest = digest
    self.step = step
    self.run = run
    self.allocation = allocation
  }
}

/// What was measured of one answer. Unknown is `nil`, never 0.
package struct Measurements: Hashable, Sendable {
  /// Seconds spent waiting behind other work before and between the model's own.
  package var queueSeconds: Double
  /// Seconds that the model caused until the first token was out. Of an answer that broke off later
  /// it is what was seen from outside, waiting included: it says that a token came, and is no
  /// evidence of how fast.
  package var timeToFirstTokenSeconds: Double?
  /// Seconds that the model caused for each token after the first; `nil` below two tokens.
  package var timePerOutputTokenSeconds: Double?
  /// Seconds that the model caused altogether.
  package var totalSeconds: Double
  package var promptTokens: Int?
  package var outputTokens: Int?
  /// Tokens of the prompt that came from a cache. An embedded model's times are those of the whole
  /// prompt all the same; what an upstream does not compute it does not take time for.
  package var cachedPromptTokens: Int?
  /// What the answer cost, by the model's price list; `nil` without one.
  package var cost: Double?
  /// Which weights answered: the SHA-256 of the embedded engine's files, or the model that an
  /// upstream says it is. `nil` when nobody said. Evidence of two revisions is not of one model.
  package var revision: String?
  /// `stop`, `length`, …; `nil` when the answer did not finish.
  package var finishReason: String?
  /// Why there was no whole answer; `nil` when there was.
  package var failure: FailureClass?
  /// Which checks of the policy in force a whole answer passed: 1, or 0.
  package var scores = AnswerScores()

  package init(
    queueSeconds: Double = 0, timeToFirstTokenSeconds: Double? = nil,
    timePerOutputTokenSeconds: Double? = nil, totalSeconds: Double, promptTokens: Int? = nil,
    outputTokens: Int? = nil, cachedPromptTokens: Int? = nil, finishReason: String? = nil,
    failure: FailureClass? = nil
  ) {
    self.queueSeconds = queueSeconds
    self.timeToFirstTokenSeconds = timeToFirstTokenSeconds
    self.timePerOutputTokenSeconds = timePerOutputTokenSeconds
    self.totalSeconds = totalSeconds
    self.promptTokens = promptTokens
    self.outputTokens = outputTokens
    self.cachedPromptTokens = cachedPromptTokens
    self.finishReason = finishReason
    self.failure = failure
  }

  /// The value of `metric`, in its unit, or `nil` when it was not measured of this answer.
  ///
  /// - Parameter score: where scores have it, for a metric that has a name of its own
  package func value(of metric: Metric, score: ScoreID? = nil) -> Double? {
    switch metric {
    case .errorRate: isError.map { $0 ? 1 : 0 }
    case .timeToFirstToken: failure == nil ? timeToFirstTokenSeconds : nil
    case .timePerOutputToken: timePerOutputTokenSeconds
    case .latency: failure == nil ? totalSeconds : nil
    case .tokensPerSecond: tokensPerSecond
    case .outputTokens: outputTokens.map(Double.init)
    case .cost: cost
    case .check: score.flatMap { scores[$0] }
    case .tokenAgreement, .prefixAgreement, .exactMatch, .tokenF1, .rougeL, .lengthRatio,
      .embeddingSimilarity, .callEquality, .klDivergence, .answerPerplexity, .judgePreference,
      .feedback, .preference:
      nil
    }
  }

  /// Tokens of a whole answer for each second that the model took; `nil` without a token.
  package var tokensPerSecond: Double? {
    guard failure == nil, let outputTokens, outputTokens > 0, totalSeconds > 0 else { return nil }
    return Double(outputTokens) / totalSeconds
  }

  /// Whether the answer counts as an error of the model that was asked; `nil` when it says nothing
  /// about the model. The one rule for every error rate.
  ///
  /// A refusal (`rejected`, `invalidRequest`) counts, though the client may be at fault: models
  /// differ in what they refuse, and in traffic that is shared by chance the clients' mistakes come
  /// to every model alike. A full service says nothing. Nor does a client that went away, unless it
  /// had waited ``patienceSeconds`` in vain: people leave where it is slow, so that to drop those
  /// is to drop the slowest answers (informative censoring).
  package var isError: Bool? {
    switch failure {
    case nil: false
    case .unavailable, .deadlineExceeded, .malformed, .rejected, .invalidRequest: true
    case .overloaded: nil
    case .cancelled:
      timeToFirstTokenSeconds == nil && totalSeconds >= Self.patienceSeconds ? true : nil
    }
  }

  /// Seconds without a first token after which going away is the model's doing.
  ///
  /// Ten seconds is how long people stay with a task that shows nothing (Miller 1968; Nielsen 1993,
  /// Usability Engineering, 5.5). Who leaves sooner mostly does so for reasons of its own, such as
  /// a line that was typed on.
  package static let patienceSeconds = 10.0
}

/// Why an answer failed.
package enum FailureClass: String, Hashable, Sendable, Codable, CaseIterable {
  /// The backend could not be reached, or broke.
  case unavailable
  /// The backend took longer than it may.
  case deadlineExceeded
  /// The backend answered something that is no answer.
  case malformed
  /// The backend refused what another model might have answered: a prompt longer than its context.
  case rejected
  /// The request itself was wrong, whoever answers.
  case invalidRequest
  /// The service had no room for the request.
  case overloaded
  /// The client went away.
  case cancelled

  /// Whether another model might have answered the same request, which is then worth asking aside.
  /// What counts as an error is said by ``Measurements/isError``.
  package var isOfModel: Bool {
    switch self {
    case .unavailable, .deadlineExceeded, .malformed, .rejected: true
    case .invalidRequest, .overloaded, .cancelled: false
    }
  }

  /// Whether the model broke. A refusal is an answer, which a client may bring about on purpose, so
  /// it is a matter of evidence; a model that breaks answers nobody.
  package var isBreakdown: Bool {
    switch self {
    case .unavailable, .deadlineExceeded, .malformed: true
    case .rejected, .invalidRequest, .overloaded, .cancelled: false
    }
  }
}

/// A judged pair of answers to one prompt: the incumbent's, which was shown, and a shadow's.
package struct Comparison: Hashable, Sendable {
  package var requestID: String
  package var assignment: Assignment
  package var incumbent: ModelName
  package var candidate: ModelName
  package var incumbentMeasurements: Measurements
  package var candidateMeasurements: Measurements
  /// 0…1, or `nil` where it could not be told.
  package var tokenAgreement: Double?
  /// 0…1, or `nil` when an answer is missing.
  package var prefixAgreement: Double?
  /// What the policy in force asks for beyond, by metric.
  package var scores = AnswerScores()

  package init(
    requestID: String, assignment: Assignment, incumbent: ModelName, candidate: ModelName,
    incumbentMeasurements: Measurements, candidateMeasurements: Measurements,
    tokenAgreement: Double? = nil, prefixAgreement: Double? = nil
  ) {
    self.requestID = requestID
    self.assignment = assignment
    self.incumbent = incumbent
    self.candidate = candidate
    self.incumbentMeasurements = incumbentMeasurements
    self.candidateMeasurements = candidateMeasurements
    self.tokenAgreement = tokenAgreement
    self.prefixAgreement = prefixAgreement
  }

  /// Whether both answers are the incumbent's: an A/A control, no evidence of any candidate.
  package var isControl: Bool { candidate == incumbent }
}

extension Comparison {
  /// The value of a metric of pairs, in its unit, or `nil` when it was not measured of this one.
  package func value(of metric: Metric) -> Double? {
    switch metric {
    case .tokenAgreement: tokenAgreement
    case .prefixAgreement: prefixAgreement
    default: metric.isOfPair ? scores[ScoreID(metric)] : nil
    }
  }
}
