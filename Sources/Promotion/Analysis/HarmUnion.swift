import Experimentation
import Statistics

/// What all gates that could take a rollout back show together.
///
/// The weighted mean of their e-processes (``UnionGate``; STATISTICS 2(i)): it is never weaker than
/// judging each at its own part of alpha, and finds harm that is spread over several of them. Gates
/// whose tests are no e-processes keep their part for themselves, so that the step's level holds
/// for all of them together.
struct HarmUnion: Sendable {
  private let policy: RolloutPolicy
  private let level: Double

  /// - Parameter index: of the step whose traffic is in force; `nil` while there is none
  init(of policy: RolloutPolicy, trafficStep index: Int?) {
    self.policy = policy
    let levels = index.flatMap { try? ErrorLevels(policy, trafficStep: $0) }
    level = levels?.step ?? 0
  }

  /// The reports, in which the union's worst gate fails if none does by itself and the union does.
  func judge(_ judged: [(report: GateReport, logHarm: Double?)]) -> [GateReport] {
    var reports = judged.map(\.report)
    let acting = judged.indices.filter { isActing(reports[$0]) }
    let taking = acting.filter { action(of: reports[$0]) == .rollBack }
    guard level > 0, !taking.contains(where: { reports[$0].verdict == .fail }),
      let union = try? UnionGate(count: acting.count)
    else { return reports }
    // What cannot be weighed, or does not take back, bets nothing here.
    let logs = acting.map { index in
      taking.contains(index) ? judged[index].logHarm ?? -.infinity : -.infinity
    }
    guard union.isRejected(logs, alpha: level),
      let worst = acting.indices.max(by: { logs[$0] < logs[$1] })
    else { return reports }
    let others = acting.indices.filter { $0 != worst && logs[$0] > 0 }
      .map { "'\(reports[acting[$0]].gate)'" }
    reports[acting[worst]].verdict = .fail
    reports[acting[worst]].samplesMissing = nil
    reports[acting[worst]].explanation =
      others.isEmpty
      ? "shown to be beyond the margin"
      : "shown to be beyond the margin together with " + others.joined(separator: ", ")
    return reports
  }

  private func isActing(_ report: GateReport) -> Bool {
    report.role.isRequired && action(of: report) != .warn
  }

  private func action(of report: GateReport) -> MetricGate.FailAction? {
    policy.metrics.first { $0.name == report.gate }?.onFail
  }
}
