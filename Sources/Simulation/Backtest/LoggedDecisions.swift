import Experimentation
import Statistics

/// The decisions that chance made in recorded traffic, one a unit, with what came of each.
struct LoggedDecisions: Sendable {
  private struct Decision: Sendable {
    var arm: Int
    var propensity: Double
    var context: OffPolicyContext
    var position: Int32
    var isOdd: Bool
  }

  private var decisions: [Decision] = []
  /// By decision and metric: sum and count of scores.
  private var sums: [Double] = []
  private var counts: [Int32] = []
  private let metrics: [Metric]
  private let arms: Int
  /// By arm, the least chance that it ever had.
  private var leastPropensity: [Double]

  init(_ trace: Trace, models: [ModelName], metrics: [Metric]) {
    self.metrics = metrics
    arms = models.count
    leastPropensity = [Double](repeating: 1, count: models.count)
    let armOf: [Int?] = trace.models.map { name in models.firstIndex(of: name) }
    let tried = Self.positions(of: trace, armOf, arms: models.count)
    var units: [UInt64: Int] = [:]
    for request in trace.requests {
      guard request.propensity > 0, request.position >= 0, tried[Int(request.position)],
        let arm = armOf[Int(request.model)]
      else { continue }
      let index = units[request.unit] ?? decisions.count
      if index == decisions.count {
        units[request.unit] = index
        decisions.append(
          Decision(
            arm: arm, propensity: request.propensity,
            context: OffPolicyContext(
              band: trace.band(of: request), atMilliseconds: request.atMilliseconds),
            position: request.position, isOdd: TraceRow.mix(request.unit, 0, 3) & 1 == 1))
        sums.append(contentsOf: metrics.map { _ in 0 })
        counts.append(contentsOf: metrics.map { _ in 0 })
        leastPropensity[arm] = min(leastPropensity[arm], request.propensity)
      }
      guard decisions[index].position == request.position, decisions[index].arm == arm else {
        continue
      }
      let measurements = trace.answers[Int(request.answer)].measurements
      for (offset, metric) in metrics.enumerated() {
        guard let value = measurements.value(of: metric) else { continue }
        sums[index * metrics.count + offset] += metric.score(of: value)
        counts[index * metrics.count + offset] += 1
      }
    }
  }

  /// Whether chance gave requests to every arm in each position of the record.
  private static func positions(of trace: Trace, _ armOf: [Int?], arms: Int) -> [Bool] {
    var seen = [Set<Int>](repeating: [], count: trace.positions.count)
    for request in trace.requests where request.propensity > 0 && request.position >= 0 {
      if let arm = armOf[Int(request.model)] { seen[Int(request.position)].insert(arm) }
    }
    return seen.map { $0.count == arms }
  }

  /// Decisions of which a metric was not measured.
  func unmeasured(_ metric: Int) -> Int {
    decisions.indices.count { counts[$0 * metrics.count + metric] == 0 }
  }

  private func reward(_ decision: Int, _ metric: Int) -> Double? {
    let place = decision * metrics.count + metric
    return counts[place] > 0 ? sums[place] / Double(counts[place]) : nil
  }

  /// What each arm brings for each length of prompt, by halves of the units.
  func rewards(of metric: Int) -> RewardTable {
    var table = RewardTable(contexts: PromptBand.allCases.count, actions: arms)
    for (index, decision) in decisions.enumerated() {
      guard let reward = reward(index, metric) else { continue }
      table.add(
        context: decision.context.band.rawValue, action: decision.arm, isOdd: decision.isOdd,
        reward: reward)
    }
    return table
  }

  /// What the decisions say of a question.
  func answer(
    _ question: OffPolicyQuestion, metric: Int, _ table: RewardTable, alpha: Double
  ) -> OffPolicyResult {
    let greatest = max(1, 1 / (leastPropensity.min() ?? 1))
    guard var evaluation = try? OffPolicyEvaluation(greatestWeight: greatest, alpha: alpha) else {
      return .refused(.unsupported)
    }
    for (index, decision) in decisions.enumerated() {
      guard let reward = reward(index, metric) else { continue }
      let chances = question.chances(decision.context)
      guard chances.count == arms else { continue }
      let band = decision.context.band.rawValue
      var expected = 0.0
      for (arm, chance) in chances.enumerated() where chance > 0 {
        expected += chance * table.prediction(context: band, action: arm, isOdd: decision.isOdd)
      }
      evaluation.append(
        reward: reward, propensity: decision.propensity, chance: chances[decision.arm],
        prediction: RewardPrediction(
          ofAction: table.prediction(
            context: band, action: decision.arm, isOdd: decision.isOdd), ofPolicy: expected))
    }
    return evaluation.result
  }
}
