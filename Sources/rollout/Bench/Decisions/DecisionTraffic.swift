import Foundation
import Simulation
import Statistics

/// One request to one of two models: what every rule is shown.
struct TrialRequest {
  var isTreatment: Bool
  /// The chance of treatment when the request was assigned.
  var propensity: Double
  var isError: Bool
  /// ln of seconds.
  var logSeconds: Double
  /// A judge's score in 0…1, higher is better.
  var score: Double

  /// 1 for an error, for rules that compare means.
  var errorValue: Double { isError ? 1 : 0 }
}

/// One request that both models answered.
struct TrialPair {
  var control: TrialRequest
  var treatment: TrialRequest
}

/// What is true of the two models: the common recipe of STATISTICS 3, and how it is broken.
///
/// Errors 1 %, latency lognormal around 800 ms with σ = 0.5 (p99 2.56 s), quality Beta with mean
/// 0.80 and concentration 3.
struct DecisionTruth: Sendable {
  static let middleLogSeconds = log(0.8)
  static let logDeviation = 0.5

  var name: String
  var errorRate = 0.01
  /// Treatment's latencies are multiplied by this,
  var latencyFactor = 1.0
  /// or stretched linearly from p95 on, so that p99 is multiplied by this.
  var tailFactor: Double?
  var quality = 0.80

  static let harmless = DecisionTruth(name: "harmless")
  static let doubledErrors = DecisionTruth(name: "err1to2", errorRate: 0.02)
  static let moreErrors = DecisionTruth(name: "err1to1.5", errorRate: 0.015)
  static let manyErrors = DecisionTruth(name: "err1to5", errorRate: 0.05)
  static let worseQuality = DecisionTruth(name: "q-2pt", quality: 0.78)
  static let badQuality = DecisionTruth(name: "q-5pt", quality: 0.75)
  static let slower = DecisionTruth(name: "lat+10%", latencyFactor: 1.1)
  static let muchSlower = DecisionTruth(name: "lat+20%", latencyFactor: 1.2)
  static let longTail = DecisionTruth(name: "tail+10%", tailFactor: 1.1)
  static let longerTail = DecisionTruth(name: "tail+20%", tailFactor: 1.2)
  /// On the border of every claim at once.
  static let atMargin = DecisionTruth(
    name: "at the margin", errorRate: 0.02, latencyFactor: 1.1, quality: 0.78)

  /// ln of seconds of a normal draw.
  func logSeconds(_ z: Double, isTreatment: Bool) -> Double {
    let base = Self.middleLogSeconds + Self.logDeviation * z
    guard isTreatment else { return base }
    guard let tailFactor else { return base + log(latencyFactor) }
    let rank = normalShare(below: z)
    return rank > 0.95 ? base + log(1 + (tailFactor - 1) * (rank - 0.95) / 0.04) : base
  }
}

/// Quantiles of scores by the means that occur.
struct ScoreTables: Sendable {
  private let tables: [Double: ScoreTable]

  init() throws(StatisticsError) {
    var tables: [Double: ScoreTable] = [:]
    for mean in [0.80, 0.78, 0.76, 0.75, 0.74] { tables[mean] = try ScoreTable(mean: mean) }
    self.tables = tables
  }

  /// The score of rank `share` among scores of mean `mean`, to a hundredth.
  func score(ofRank share: Double, mean: Double) -> Double {
    tables[(mean * 100).rounded() / 100]?.score(ofRank: share) ?? mean
  }
}

/// What a service knows of its incumbent before an experiment: 5,000 requests.
struct DecisionPrior {
  private(set) var seconds = QuantileSketch()
  let quality: Centring
  /// Of the score that `latencyScale` gives.
  let speed: Centring

  /// Declared before anything is seen: 50 ms to two minutes.
  static func latencyScale() throws(StatisticsError) -> OutcomeScale {
    try OutcomeScale(worst: 120, best: 0.05, isLogarithmic: true)
  }

  init(_ tables: ScoreTables, _ draws: inout Draws) throws(StatisticsError) {
    let scale = try Self.latencyScale()
    var (scores, speeds) = (SampleSummary(), SampleSummary())
    for _ in 0..<5_000 {
      let value = exp(DecisionTruth.harmless.logSeconds(draws.normal(), isTreatment: false))
      seconds.append(value)
      speeds.append(scale.score(value) ?? 0)
      scores.append(tables.score(ofRank: draws.uniform(), mean: 0.80))
    }
    quality = Centring(history: scores)
    speed = Centring(history: speeds)
  }
}

/// How requests come to the two models.
enum DecisionTraffic: Sendable {
  /// Each by itself, treatment with this chance.
  case split(Double)
  /// 1 %, 5 %, 25 %, 50 % for a quarter of the run each, with an incident of the whole platform
  /// between half and nine tenths of it: errors + 2 points, quality − 4 points, for both.
  case ramp(length: Int)
  /// Ten requests a session, whose luck is alike by the correlation; assigned by session or by
  /// request.
  case sessions(correlation: Double, assignedBySession: Bool)
}

/// Draws the requests of one run.
struct RequestSource {
  private let truth: DecisionTruth
  private let traffic: DecisionTraffic
  private let tables: ScoreTables
  private var draws: Draws
  private var index = 0
  private var sessionIsTreatment = false
  private var sessionLuck = 0.0

  init(
    _ truth: DecisionTruth, _ traffic: DecisionTraffic, _ tables: ScoreTables, _ draws: Draws
  ) {
    (self.truth, self.traffic, self.tables, self.draws) = (truth, traffic, tables, draws)
  }

  mutating func next() -> TrialRequest {
    defer { index += 1 }
    switch traffic {
    case .split(let share):
      return request(share, isTreatment: draws.chance(share), addedErrors: 0, lostQuality: 0)
    case .ramp(let length):
      let share = [0.01, 0.05, 0.25, 0.5][min(3, 4 * index / length)]
      let time = Double(index) / Double(length)
      let isIncident = time > 0.5 && time < 0.9
      return request(
        share, isTreatment: draws.chance(share), addedErrors: isIncident ? 0.02 : 0,
        lostQuality: isIncident ? 0.04 : 0)
    case .sessions(let correlation, let assignedBySession):
      return sessionRequest(correlation, assignedBySession)
    }
  }

  private mutating func request(
    _ share: Double, isTreatment: Bool, addedErrors: Double, lostQuality: Double
  ) -> TrialRequest {
    // An incident multiplies what the models do: errors of both grow by the same factor.
    let growth = (0.01 + addedErrors) / 0.01
    let errorRate = (isTreatment ? truth.errorRate : 0.01) * growth
    let mean = (isTreatment ? truth.quality : 0.80) - lostQuality
    return TrialRequest(
      isTreatment: isTreatment, propensity: share, isError: draws.chance(errorRate),
      logSeconds: truth.logSeconds(draws.normal(), isTreatment: isTreatment),
      score: tables.score(ofRank: draws.uniform(), mean: mean))
  }

  /// One luck decides score and error alike; harmless.
  private mutating func sessionRequest(
    _ correlation: Double, _ assignedBySession: Bool
  ) -> TrialRequest {
    if index % 10 == 0 {
      sessionIsTreatment = draws.chance(0.5)
      sessionLuck = draws.normal()
    }
    let luck =
      correlation.squareRoot() * sessionLuck + (1 - correlation).squareRoot() * draws.normal()
    let rank = normalShare(below: luck)
    return TrialRequest(
      isTreatment: assignedBySession ? sessionIsTreatment : draws.chance(0.5), propensity: 0.5,
      isError: rank < 0.01, logSeconds: truth.logSeconds(luck, isTreatment: false),
      score: tables.score(ofRank: rank, mean: 0.80))
  }
}

/// Draws requests that both models answer, with correlation 0.6 between the two.
struct PairSource {
  private static let correlation = 0.6
  private let truth: DecisionTruth
  private let tables: ScoreTables
  private var draws: Draws

  init(_ truth: DecisionTruth, _ tables: ScoreTables, _ draws: Draws) {
    (self.truth, self.tables, self.draws) = (truth, tables, draws)
  }

  mutating func next() -> TrialPair {
    let (scores, errors, speeds) = (twins(), twins(), twins())
    return TrialPair(
      control: request(scores.0, errors.0, speeds.0, isTreatment: false),
      treatment: request(scores.1, errors.1, speeds.1, isTreatment: true))
  }

  private mutating func twins() -> (Double, Double) {
    let (first, own) = (draws.normal(), draws.normal())
    let rest = (1 - Self.correlation * Self.correlation).squareRoot()
    return (first, Self.correlation * first + rest * own)
  }

  private func request(
    _ score: Double, _ error: Double, _ speed: Double, isTreatment: Bool
  ) -> TrialRequest {
    TrialRequest(
      isTreatment: isTreatment, propensity: 0.5,
      isError: normalShare(below: error) > 1 - (isTreatment ? truth.errorRate : 0.01),
      logSeconds: truth.logSeconds(speed, isTreatment: isTreatment),
      score: tables.score(
        ofRank: normalShare(below: score), mean: isTreatment ? truth.quality : 0.80))
  }
}
