import Evaluation

/// What `rollout evaluate` answers programs.
struct EvaluationReport: Encodable {
  /// By length as asked for, the reference first.
  let rows: [EvaluationRow]
  /// The gravest of all judgements; `nil` where nothing was judged.
  let verdict: QualityVerdict?
  /// The policy's gates that these numbers say nothing of.
  let untold: [String]

  /// Judges `rows`.
  init(rows: [EvaluationRow], gates: [QualityGate], untold: [String]) {
    self.rows = rows.judged(by: gates)
    verdict = self.rows.compactMap(\.verdict).max()
    self.untold = untold
  }
}
