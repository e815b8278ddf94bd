import Experimentation
import Statistics

/// Which of several candidates have reached a goal.
///
/// Each candidate is another chance of a lucky winner. A goal's claims therefore count only where
/// e-BH over the candidates rejects (``FalseDiscoveryRate``, STATISTICS 2(i) and pitfall 11): of
/// those said to be better, a share of at most alpha is expected not to be. Guardrails need no such
/// thing: a candidate must pass all of them, and being one of many makes none pass more easily.
///
/// A candidate that has left claims nothing any more, and is still counted: how many there were to
/// choose from was fixed before anything was seen, and may not shrink by looking.
enum GoalSelection {
  /// The members, with passes of goals taken back that e-BH does not confirm.
  ///
  /// - Parameter dropped: candidates that have left
  static func select(
    _ members: [HarmUnion.Member], without dropped: Set<ModelName> = []
  ) -> [HarmUnion.Member] {
    var members = members
    let goals = Dictionary(
      grouping: members.indices.filter { members[$0].gate.role == .goal },
      by: { members[$0].gate.name })
    for indices in goals.values where indices.count > 1 {
      guard let alpha = indices.lazy.compactMap({ members[$0].levels?.pass }).first else {
        continue
      }
      let discoveries = FalseDiscoveryRate.discoveries(
        logEvidence: indices.map { index in
          dropped.contains(members[index].report.candidate)
            ? -.infinity : members[index].logProof ?? -.infinity
        }, alpha: alpha)
      let confirmed = Set(discoveries.map { indices[$0] })
      for index in indices
      where members[index].report.verdict == .pass && !confirmed.contains(index) {
        members[index].report.verdict = .inconclusive
        members[index].report.explanation =
          "shown for one candidate alone, not yet for one of \(indices.count)"
      }
    }
    return members
  }
}
