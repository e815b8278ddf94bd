import Experimentation
import Promotion

extension RolloutPolicy {
  /// An event of this policy's rollout in words.
  func sentence(of event: JournalEvent) -> String {
    switch event {
    case .policiesApplied: return event.title
    case .modelApplied(let model): return "model '\(model.name)' is known"
    case .rolloutApplied(let policy):
      return "the rollout begins at \(policy.steps.first?.traffic.words ?? "no step")"
    case .advanced(_, let step, _):
      guard steps.indices.contains(step) else { return "every step has passed" }
      return "goes on to \(steps[step].traffic.words)"
    case .promoted(_, let model, let open, _):
      return open.isEmpty
        ? "'\(model)' is promoted"
        : "'\(model)' is promoted over \(open.joined(separator: ", "))"
    case .candidateDropped(_, let model, _, _): return "'\(model)' leaves, the others go on"
    case .allocated(_, let allocation):
      let shares = allocation.arms.map { "\($0.model) \($0.share.rounded)" }
      return allocation.winner.map { "'\($0)' is shown to be the one to take" }
        ?? "shares are now " + shares.joined(separator: ", ") + allocation.cellWords
    case .queued, .superseded, .approved, .paused, .resumed, .inconclusive, .rolledBack, .aborted:
      return event.title
    }
  }
}

extension GateReport {
  /// What a decision was based on, with what a control says against it.
  var reason: String {
    guard isBelowNoise, let noise else { return summary }
    let points = (noise.leastDistance * 1_000).rounded() / 10
    return "\(summary); the incumbent is at least \(points) % from itself, beyond the margin"
  }
}

extension BanditAllocation {
  /// Who is ahead for each kind of request that came; empty without kinds.
  fileprivate var cellWords: String {
    (cells ?? []).filter { $0.rewards > 0 }.compactMap { cell in
      zip(arms, cell.shares).max { $0.1 < $1.1 }.map { leader in
        "; \(cell.name): \(leader.0.model) \(leader.1.rounded)"
      }
    }.joined()
  }
}

extension StepTraffic {
  /// As it is named in a sentence.
  var words: String {
    switch self {
    case .shadow(let traffic): "shadow \(traffic.share)"
    case .canary(let weight): "canary \(weight)"
    case .split: "a split"
    case .bandit: "a bandit"
    case .interleave: "interleaved answers"
    case .approval: "an approval"
    case .pause(let seconds): "a pause of \(seconds) s"
    }
  }
}
