import Foundation
import Simulation
import Statistics

/// When each rule decided in each run of one situation.
struct DecisionTimes: Sendable {
  /// Observations until the decision, by run; `nil` for a run that ended without one.
  var times: [Int?]

  /// The share of runs that decided, with the half width of its 95 % Monte-Carlo interval.
  var rate: DecisionRate {
    let share = Double(times.count { $0 != nil }) / Double(max(1, times.count))
    return DecisionRate(
      share: share, error: 1.96 * (share * (1 - share) / Double(max(1, times.count))).squareRoot(),
      runs: times.count)
  }

  /// The time by which `share` of all runs had decided; `nil` if fewer ever did.
  func quantile(_ share: Double) -> Double? {
    let decided = times.compactMap { $0 }.sorted()
    let rank = Int((share * Double(times.count)).rounded(.up))
    return rank >= 1 && rank <= decided.count ? Double(decided[rank - 1]) : nil
  }

  /// The share of runs that had not decided by `deadline`.
  func undecided(by deadline: Int) -> Double {
    Double(times.count { $0.map { $0 > deadline } ?? true }) / Double(max(1, times.count))
  }
}

/// How often something happened over seeds.
struct DecisionRate: Encodable, Sendable {
  /// 0…1
  let share: Double
  /// Half width of the 95 % interval that the number of runs leaves.
  let error: Double
  let runs: Int
}

/// One situation that rules are shown: which truth, what traffic, for how long, who looks.
struct DecisionExperiment: Sendable {
  /// Where STATISTICS has it: `T1`, …
  let table: String
  /// Where the traffic goes: `50/50`, `5%`, …
  let traffic: String
  let truth: String
  /// Whether "proven" is a mistake here, or what one waits for.
  let isFalse: Bool
  let runs: Int
  let methods: [MethodName]
  /// The times of one run, by method.
  let run: @Sendable (_ run: Int, _ seed: UInt64, ScoreTables) throws -> [Int?]

  struct MethodName: Hashable, Sendable {
    let name: String
    let purpose: String
    let isOurs: Bool
  }

  /// Draws requests until every rule has decided or `limit` have come.
  private static func times<Observation>(
    limit: Int, _ rules: [DecisionRule<Observation>], _ next: () -> Observation
  ) -> [Int?] {
    var times = [Int?](repeating: nil, count: rules.count)
    var waiting = Array(rules.indices)
    for count in 1...limit where !waiting.isEmpty {
      let observation = next()
      waiting.removeAll { index in
        guard rules[index](observation) else { return false }
        times[index] = count
        return true
      }
    }
    return times
  }

  init(
    _ table: String, traffic: String, _ kind: DecisionTraffic, _ truth: DecisionTruth,
    isFalse: Bool, limit: Int, runs: Int, _ methods: [DecisionMethod<TrialRequest>]
  ) {
    (self.table, self.traffic, self.isFalse, self.runs) = (table, traffic, isFalse, runs)
    self.truth = truth.name
    self.methods = methods.map {
      MethodName(name: $0.name, purpose: $0.purpose.rawValue, isOurs: $0.isOurs)
    }
    run = { run, seed, tables in
      var draws = Draws(seed: seed, scenario: "\(table)/\(traffic)/\(truth.name)", run: run)
      let prior = try DecisionPrior(tables, &draws)
      var source = RequestSource(truth, kind, tables, draws)
      return Self.times(limit: limit, try methods.map { try $0.make(prior) }) { source.next() }
    }
  }

  /// Sessions of ten requests that are analysed as one: the mean score, and whether any failed.
  init(
    sessionsOf correlation: Double, limit: Int, runs: Int,
    _ methods: [DecisionMethod<TrialRequest>]
  ) {
    (table, traffic, isFalse, self.runs) = ("T7", "by session \(correlation)", true, runs)
    truth = DecisionTruth.harmless.name
    self.methods = methods.map {
      MethodName(name: $0.name, purpose: $0.purpose.rawValue, isOurs: $0.isOurs)
    }
    let place = "T7/\(correlation)/sessions"
    run = { run, seed, tables in
      var draws = Draws(seed: seed, scenario: place, run: run)
      let prior = try DecisionPrior(tables, &draws)
      let kind = DecisionTraffic.sessions(correlation: correlation, assignedBySession: true)
      var source = RequestSource(.harmless, kind, tables, draws)
      let rules = try methods.map { try $0.make(prior) }
      return Self.times(limit: limit / 10, rules) {
        let requests = (0..<10).map { _ in source.next() }
        var session = requests[0]
        session.score = requests.reduce(0) { $0 + $1.score } / 10
        session.isError = requests.contains(where: \.isError)
        return session
      }
    }
  }

  /// Assignments that come in another share than they should.
  init(
    sampleRatio should: Double, actual: Double, limit: Int, runs: Int
  ) {
    func percent(_ share: Double) -> String { "\(Int((share * 100).rounded()))" }
    let isSound = should == actual
    (table, traffic, isFalse, self.runs) = ("T9", "\(percent(should))%", isSound, runs)
    let name =
      isSound ? DecisionTruth.harmless.name : "\(percent(should))->\(percent(actual))"
    truth = name
    let methods = OurRules.sampleRatio(should) + RivalRules.sampleRatio(should)
    self.methods = methods.map {
      MethodName(name: $0.name, purpose: $0.purpose.rawValue, isOurs: $0.isOurs)
    }
    run = { run, seed, tables in
      var draws = Draws(seed: seed, scenario: "T9/\(should)/\(name)", run: run)
      let prior = try DecisionPrior(tables, &draws)
      return Self.times(limit: limit, try methods.map { try $0.make(prior) }) {
        TrialRequest(
          isTreatment: draws.chance(actual), propensity: should, isError: false, logSeconds: 0,
          score: 1)
      }
    }
  }

  /// Pairs of a shadow step.
  init(
    shadow truth: DecisionTruth, isFalse: Bool, limit: Int, runs: Int,
    _ methods: [DecisionMethod<TrialPair>]
  ) {
    (table, traffic, self.isFalse, self.runs) = ("T3", "shadow", isFalse, runs)
    self.truth = truth.name
    self.methods = methods.map {
      MethodName(name: $0.name, purpose: $0.purpose.rawValue, isOurs: $0.isOurs)
    }
    run = { run, seed, tables in
      var draws = Draws(seed: seed, scenario: "T3/shadow/\(truth.name)", run: run)
      let prior = try DecisionPrior(tables, &draws)
      var source = PairSource(truth, tables, draws)
      return Self.times(limit: limit, try methods.map { try $0.make(prior) }) { source.next() }
    }
  }

  /// Kayenta's judge on 180 minutes of traffic, looked at after 60, 120 and 180 of them.
  init(kayenta truth: DecisionTruth, requestsAMinute: Int, isFalse: Bool, runs: Int) {
    (table, traffic, self.isFalse, self.runs) = ("T5", "\(requestsAMinute)/min", isFalse, runs)
    self.truth = truth.name
    methods = ["errors", "latency p99", "quality"].map {
      MethodName(name: "Kayenta judge: \($0)", purpose: "rollback", isOurs: false)
    }
    run = { run, seed, tables in
      let draws = Draws(
        seed: seed, scenario: "T5/\(requestsAMinute)/\(truth.name)", run: run)
      var source = RequestSource(truth, .split(0.5), tables, draws)
      var minutes = KayentaSeries()
      var times = [Int?](repeating: nil, count: 3)
      for minute in 1...180 {
        minutes.add((0..<requestsAMinute).map { _ in source.next() })
        guard minute % 60 == 0 else { continue }
        for (index, isHigh) in minutes.verdicts.enumerated() where isHigh && times[index] == nil {
          times[index] = minute * requestsAMinute
        }
      }
      return times
    }
  }
}

/// The series of minutes that Kayenta is shown: errors, p99 and 1 − quality; a minute without
/// traffic is left out.
private struct KayentaSeries {
  private var values = [[[Double]]](
    repeating: [[Double]](repeating: [], count: 3), count: 2)

  mutating func add(_ minute: [TrialRequest]) {
    for arm in 0...1 {
      let requests = minute.filter { $0.isTreatment == (arm == 1) }
      guard !requests.isEmpty else { continue }
      let count = Double(requests.count)
      let latencies = requests.map(\.logSeconds).sorted()
      // The quantile between its neighbours, as numpy has it.
      let place = 0.99 * (count - 1)
      let below = exp(latencies[Int(place)]) * 1_000
      let above = exp(latencies[min(latencies.count - 1, Int(place) + 1)]) * 1_000
      values[arm][0].append(requests.reduce(0) { $0 + $1.errorValue } / count)
      values[arm][1].append(below + (above - below) * (place - place.rounded(.down)))
      values[arm][2].append(1 - requests.reduce(0) { $0 + $1.score } / count)
    }
  }

  var verdicts: [Bool] {
    (0..<3).map { KayentaRule.isHigh(experiment: values[1][$0], control: values[0][$0]) }
  }
}
