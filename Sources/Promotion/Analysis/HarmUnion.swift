import Experimentation
import Statistics

/// What all gates that could take a rollout back show together, and all that could take one
/// candidate out of it.
///
/// Σ vE of their e-processes, with v the part of alpha that each may spend (``ErrorLevels``;
/// STATISTICS 2(i)): it is never weaker than judging each at its own part, and finds harm that is
/// spread over several of them. A gate on a slice is one of them, and so is each candidate's. Where
/// only the candidate leaves, its own gates are summed by themselves: it shall not go for what the
/// others have shown. The parts of all of these sums together are still at most 1.
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

  /// The reports, in which a union's worst gate fails if none does by itself and the union does.
  static func judge(_ members: [Member]) -> [GateReport] {
    var reports = members.map(\.report)
    let required = members.indices.filter { members[$0].gate.role.isRequired }
    judge(required.filter { members[$0].gate.onFail == .rollBack }, of: members, &reports)
    let leaving = Dictionary(
      grouping: required.filter { members[$0].gate.onFail == .drop },
      by: { members[$0].report.candidate })
    for union in leaving.values { judge(union, of: members, &reports) }
    return reports
  }

  private static func judge(
    _ taking: [Int], of members: [Member], _ reports: inout [GateReport]
  ) {
    guard !taking.contains(where: { reports[$0].verdict == .fail }) else { return }
    // v E of each. What is not here (other stages, gates that do not take back) bets nothing.
    let bets = taking.compactMap { index -> (index: Int, log: Double, level: Double)? in
      guard let levels = members[index].levels, let logHarm = members[index].logHarm,
        levels.share > 0
      else { return nil }
      return (index, logHarm + .log(levels.share), levels.rollBack)
    }
    guard let worst = bets.max(by: { $0.log < $1.log }), worst.level > 0, worst.log.isFinite else {
      return
    }
    let sum = bets.reduce(0) { $0 + Double.exp($1.log - worst.log) }
    guard worst.log + .log(sum) >= -.log(worst.level) else { return }
    let others = bets.filter { $0.index != worst.index && (members[$0.index].logHarm ?? 0) > 0 }
      .map { "'\(reports[$0.index].gate)'" }
    reports[worst.index].verdict = .fail
    reports[worst.index].samplesMissing = nil
    reports[worst.index].explanation =
      others.isEmpty
      ? Judgement.beyond
      : Judgement.beyond + " together with " + others.joined(separator: ", ")
  }
}
