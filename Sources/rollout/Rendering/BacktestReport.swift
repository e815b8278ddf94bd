import Console
import Experimentation
import Simulation
import Statistics

/// What a backtest found, for programs and for people. Times are seconds since the first request.
struct BacktestReport: Encodable {
  struct Decision: Encodable {
    let seconds: Double
    let text: String
    let reasons: [String]
  }

  struct StepLine: Encodable {
    /// From 1.
    let step: Int
    let traffic: String
    let beganSeconds: Double
    let lastedSeconds: Double
    let requests: Int
    let candidateRequests: Int
    let candidateUnits: Int
    let shadows: Int
    let droppedShadows: Int
  }

  /// Answers by where they came from.
  struct Sources: Encodable {
    let recorded: Int
    let paired: Int
    let resampled: Int
    let resampledFromOtherLengths: Int
    let pairsRecorded: Int
    let pairsResampled: Int
    let pairsComposed: Int
  }

  /// Values in the metric's unit.
  struct OffPolicy: Encodable {
    let metric: Metric
    let question: String
    var decisions: Int?
    var effectiveSampleSize: Double?
    var importance: Double?
    var clipped: Double?
    var selfNormalised: Double?
    var doublyRobust: Double?
    var lower: Double?
    var upper: Double?
    var unmeasured: Int
    /// Why there is no estimate.
    var refusal: String?
    var decisionsMissing: Int?
  }

  let rollout: RolloutName
  let digest: String
  let seed: UInt64
  let unit: String
  let confidence: Double
  let traceRequests: Int
  let beganMilliseconds: Int64
  let seconds: Double
  let status: RolloutStatus?
  /// Whether every step has passed.
  let isReady: Bool
  let reason: String?
  let requests: Int
  let candidateRequests: Int
  let units: Int
  let candidateUnits: Int
  let decisions: [Decision]
  let steps: [StepLine]
  let gates: [GateReport]
  let missing: [String]
  let sources: Sources
  let offPolicy: [OffPolicy]
  let notes: [String]

  init(_ backtest: Backtest) {
    let policy = backtest.plan.policy
    rollout = policy.name
    digest = policy.digest
    seed = backtest.plan.seed
    unit = policy.assignment.unit.noun
    confidence = 1 - policy.analysis.alpha
    traceRequests = backtest.traceRequests
    beganMilliseconds = backtest.endMilliseconds - Int64(backtest.seconds * 1_000)
    seconds = backtest.seconds
    status = backtest.state?.status
    isReady = backtest.isReady
    reason = backtest.state?.reason
    (requests, candidateRequests) = (backtest.requests, backtest.candidateRequests)
    (units, candidateUnits) = (backtest.units, backtest.candidateUnits)
    decisions = backtest.events.map {
      Decision(seconds: $0.seconds, text: $0.text, reasons: $0.reasons)
    }
    steps = backtest.steps.map(StepLine.init)
    gates = backtest.gates.map(\.finite)
    missing = backtest.state?.missing(gates, nowMilliseconds: backtest.endMilliseconds) ?? []
    sources = Sources(backtest.sources)
    offPolicy = backtest.offPolicy.map(OffPolicy.init)
    notes = backtest.notes
  }

  /// How it ended, in a sentence.
  var end: String {
    let time = Duration.seconds(seconds).inWords
    let word: String
    switch status {
    case nil: word = "the rollout never began"
    case .running where isReady: word = "ready for promotion after \(time)"
    case .running: word = "still running when the trace ends, after \(time)"
    case .some(let status): word = "\(status.text) after \(time)"
    }
    return word
  }

  /// Whom the candidate met, in a sentence.
  var exposure: String {
    "\(Numbers.count(candidateUnits)) of \(Numbers.count(units)) \(unit)s met a candidate "
      + "(\(Numbers.share(part(candidateUnits, of: units)))), in "
      + "\(Numbers.count(candidateRequests)) of \(Numbers.count(requests)) requests "
      + "(\(Numbers.share(part(candidateRequests, of: requests))))"
  }

  /// Where answers came from, in sentences.
  var origin: [String] {
    let answers = requests
    var lines = [
      "answers: " + Numbers.share(part(sources.recorded, of: answers))
        + " of the very request, " + Numbers.share(part(sources.paired, of: answers))
        + " of its shadow, " + Numbers.share(part(sources.resampled, of: answers))
        + " drawn from prompts of the same length, "
        + Numbers.share(part(sources.resampledFromOtherLengths, of: answers)) + " from any"
    ]
    let pairs = sources.pairsRecorded + sources.pairsResampled + sources.pairsComposed
    if pairs > 0 {
      lines.append(
        "pairs: " + Numbers.share(part(sources.pairsRecorded, of: pairs))
          + " of the very request, " + Numbers.share(part(sources.pairsResampled, of: pairs))
          + " drawn whole, " + Numbers.share(part(sources.pairsComposed, of: pairs))
          + " put together of two requests")
    }
    return lines
  }

  private func part(_ count: Int, of whole: Int) -> Double? {
    whole > 0 ? Double(count) / Double(whole) : nil
  }
}

extension BacktestReport.StepLine {
  fileprivate init(_ run: Backtest.StepRun) {
    self.init(
      step: run.step + 1, traffic: run.words, beganSeconds: run.beganSeconds,
      lastedSeconds: run.endedSeconds - run.beganSeconds, requests: run.requests,
      candidateRequests: run.candidateRequests, candidateUnits: run.candidateUnits,
      shadows: run.shadows, droppedShadows: run.droppedShadows)
  }
}

extension BacktestReport.Sources {
  fileprivate init(_ sources: Backtest.Sources) {
    self.init(
      recorded: sources.recorded, paired: sources.paired, resampled: sources.resampled,
      resampledFromOtherLengths: sources.otherBand, pairsRecorded: sources.pairsRecorded,
      pairsResampled: sources.pairsResampled, pairsComposed: sources.pairsComposed)
  }
}

extension BacktestReport.OffPolicy {
  fileprivate init(_ line: OffPolicyLine) {
    (metric, question, unmeasured) = (line.metric, line.question, line.unmeasured)
    switch line.result {
    case .estimate(let estimate):
      decisions = estimate.count
      effectiveSampleSize = estimate.effectiveCount
      importance = line.value(of: estimate.importance)
      clipped = line.value(of: estimate.clipped)
      selfNormalised = line.value(of: estimate.selfNormalised)
      doublyRobust = line.value(of: estimate.doublyRobust)
      lower = line.value(of: estimate.interval.lower)
      upper = line.value(of: estimate.interval.upper)
    case .refused(.unsupported):
      refusal = "the trace has no time at which chance gave requests to all of these models"
    case .refused(.fewEffective(let effective, let missing)):
      effectiveSampleSize = effective
      decisionsMissing = missing
      refusal =
        "an effective sample of \(Int(effective.rounded())) is below "
        + "\(Int(OffPolicyEvaluation.leastEffectiveCount))"
        + (missing.map { "; some \(Numbers.count($0)) more decisions like these are needed" } ?? "")
    case .refused(.implausible(let mean)):
      refusal =
        "weights are \(Numbers.share(mean)) on average instead of 100%: the propensities "
        + "of the trace are not those that were drawn from"
    }
  }
}

extension UnitKind {
  /// One of them.
  var noun: String {
    switch self {
    case .user: "user"
    case .session: "session"
    case .request: "request"
    case .header(let name): "unit of '\(name)'"
    }
  }
}

extension Numbers {
  /// A value of `metric`, in its unit.
  static func value(_ value: Double?, of metric: Metric) -> String {
    guard let value, value.isFinite else { return unknown }
    switch metric {
    case .errorRate, .tokenAgreement, .prefixAgreement, .exactMatch, .tokenF1, .rougeL,
      .lengthRatio, .embeddingSimilarity, .callEquality, .judgePreference, .check, .feedback,
      .preference:
      return percent(value)
    case .timeToFirstToken, .timePerOutputToken, .latency: return seconds(value)
    case .tokensPerSecond, .outputTokens, .cost, .klDivergence, .answerPerplexity:
      return significant(value)
    }
  }
}
