import Experimentation
import Statistics

/// What all gates that could take a rollout back show together.
///
/// Σ vE of their e-processes, with v the part of alpha that each may spend (``ErrorLevels``;
/// STATISTICS 2(i)): it is never weaker than judging each at its own part, and finds harm that is
/// spread over several of them. A gate on a slice is one of them, and so is each candidate's.
struct HarmUnion: Sendable {
  /// One gate of one candidate.
  struct Member: Sendable {
    var report: GateReport
    var gate: MetricGate
    var levels: ErrorLevels?
    /// ln E that the objective is violated; `nil` where it cannot be weighed.
    var logHarm: Double?
    /// ln E that it holds, likewise.
    var logProof: Double?
  }

  /// The reports, in which the union's worst gate fails if none does by itself and the union does.
  static func judge(_ members: [Member]) -> [GateReport] {
    var reports = members.map(\.report)
    let taking = members.indices.filter {
      members[$0].gate.mayTakeBack && members[$0].gate.onFail == .rollBack
    }
    guard !taking.contains(where: { reports[$0].verdict == .fail }) else { return reports }
    // v E of each. What is not here (other stages, gates that do not take back) bets nothing.
    let bets = taking.compactMap { index -> (index: Int, log: Double, level: Double)? in
      guard let levels = members[index].levels, let logHarm = members[index].logHarm,
        levels.share > 0
      else { return nil }
      return (index, logHarm + .log(levels.share), levels.rollBack)
    }
    guard let worst = bets.max(by: { $0.log < $1.log }), worst.level > 0, worst.log.isFinite else {
      return reports
    }
    let sum = bets.reduce(0) { $0 + Double.exp($1.log - worst.log) }
    guard worst.log + .log(sum) >= -.log(worst.level) else { return reports }
    let others = bets.filter { $0.index != worst.index && (members[$0.index].logHarm ?? 0) > 0 }
      .map { "'\(reports[$0.index].gate)'" }
    reports[worst.index].verdict = .fail
    reports[worst.index].samplesMissing = nil
    reports[worst.index].explanation =
      others.isEmpty
      ? Judgement.beyond
      : Judgement.beyond + " together with " + others.joined(separator: ", ")
    return reports
  }
}
