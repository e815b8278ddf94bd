import Tensors

/// What a gate is worth on windows that it has not learned from.
package struct GateReport: Hashable, Sendable, Codable {
  /// A way to score blocks.
  package enum Scoring: String, Hashable, Sendable, Codable, CaseIterable {
    /// The learned gate.
    case gate
    /// Quest's bound, where the gate begins.
    case quest
    /// The mean key.
    case means
    /// The attention itself: no choice that a tile shares can see more.
    case best
  }

  /// The mean share of attention that tiles see which have to choose, 0…1, always seen keys
  /// included; by keys in all and scoring.
  package var seen: [Int: [String: Double]] = [:]
  /// The mean loss over layers and heads of `GateObjective`, in nats.
  package var loss: [String: Double] = [:]
}

/// Sums of what the heads see.
struct GateTally: Sendable {
  private var lost: [Int: [GateReport.Scoring: Double]] = [:]
  private var choices: [Int: Int] = [:]
  private var losses: [GateReport.Scoring: Double] = [:]
  private var lossCount = 0

  mutating func add(_ other: GateTally) {
    for (keys, sums) in other.lost {
      lost[keys, default: [:]].merge(sums, uniquingKeysWith: +)
    }
    choices.merge(other.choices, uniquingKeysWith: +)
    losses.merge(other.losses, uniquingKeysWith: +)
    lossCount += other.lossCount
  }

  /// Counts one layer's head in one window.
  ///
  /// - Parameter keys: in all, sinks and window included
  mutating func add(
    _ weights: [Float], _ window: GateExamples, index: Int, _ objective: GateObjective,
    keys: [Int]
  ) {
    let place = window.places[index]
    let (tiles, blocks) = (window.tileCount, window.blockCount)
    let ways: [(GateReport.Scoring, [Float])] = [
      (.gate, weights), (.quest, GateTrainer.weights(objective.shape, mean: 0, ranges: 1)),
      (.means, GateTrainer.weights(objective.shape, mean: 1, ranges: 0)),
    ]
    for (way, weights) in ways {
      if let loss = objective.gradient(weights, place, tiles: tiles, blocks: blocks)?.loss {
        losses[way, default: 0] += loss
        if way == .gate { lossCount += 1 }
      }
      let scores = objective.scores(weights, place, tiles: tiles, blocks: blocks)
      count(way, scores, place, window, objective, keys)
    }
    count(.best, place.masses, place, window, objective, keys)
  }

  private mutating func count(
    _ way: GateReport.Scoring, _ scores: [Float], _ place: GateExamples.Place,
    _ window: GateExamples, _ objective: GateObjective, _ keys: [Int]
  ) {
    let first = objective.candidates(tile: 0).lowerBound
    for count in keys {
      let wanted = (count - objective.window) / objective.blockSize - first
      for tile in 0..<window.tileCount {
        let among = objective.candidates(tile: tile)
        guard wanted > 0, among.count > wanted else { continue }
        let row = tile * window.blockCount
        let own = Array(scores[row + among.lowerBound..<row + among.upperBound])
        let chosen = own.withUnsafeBufferPointer { KeySummary.best(wanted, of: $0) }
        let all = place.masses[row + among.lowerBound..<row + among.upperBound].reduce(0, +)
        let seen = chosen.reduce(Float(0)) { $0 + place.masses[row + among.lowerBound + $1] }
        lost[count, default: [:]][way, default: 0] += Double(all - seen)
        if way == .best { choices[count, default: 0] += 1 }
      }
    }
  }

  var report: GateReport {
    var report = GateReport()
    for (keys, sums) in lost {
      let count = Double(max(1, choices[keys] ?? 0))
      for (way, sum) in sums { report.seen[keys, default: [:]][way.rawValue] = 1 - sum / count }
    }
    for (way, sum) in losses { report.loss[way.rawValue] = sum / Double(max(1, lossCount)) }
    return report
  }
}
