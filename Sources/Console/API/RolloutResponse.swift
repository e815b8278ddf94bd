package import Experimentation
import Promotion

/// Answer to `GET /api/v1/rollouts/{name}`: where a rollout stands, what was measured, what is
/// missing.
package struct RolloutResponse: Hashable, Sendable, Codable {
  package var name: RolloutName
  package var route: RouteName
  package var status: RolloutStatus
  /// Kept with the last change of status.
  package var reason: String?
  /// Counts how often the name was applied, from 1.
  package var run: Int
  /// Sequence of the journal's last entry about the rollout; a command may name the one it was
  /// decided on.
  package var generation: Int64
  /// Of the policy in force, SHA-256, lower-case hex.
  package var digest: String
  /// Who is live on the route.
  package var incumbent: ModelName
  package var candidates: [ModelName]
  /// Candidates that have left this run, in the order in which they did.
  package var dropped: [Dropped]
  /// What the policy asks for, in words, one a step.
  package var steps: [String]
  /// Index into `steps` of the one in force; their number when only promotion is left.
  package var step: Int
  package var startedAtMilliseconds: Int64
  package var stepStartedAtMilliseconds: Int64
  /// The service's clock at the answer; the two times before are by the same clock.
  package var nowMilliseconds: Int64
  /// Who answers, with shares that sum to 1; the incumbent first.
  package var serving: [TrafficShare]
  /// Who is asked aside, with the share of requests; an incumbent that is its own control last.
  package var shadows: [TrafficShare]
  /// What a bandit step gave to whom, the latest 50 allocations, oldest first;
  /// empty before the first, and without such a step.
  package var allocations: [BanditAllocation]
  /// The verdicts of the last look; empty before the first.
  package var gates: [GateReport]
  /// How the models did, by length of prompt; for orientation, not for judging.
  package var comparison: [ComparisonLine]
  /// What keeps the rollout from its next step, each in a sentence, with the command where there is
  /// one; empty when it has ended.
  package var missing: [String]
  /// What operators should know of how its models are run, each in a sentence; mostly nothing.
  package var notes: [String]
  /// Why the hour does not let it move forward; `nil` while it does, and when it has ended.
  package var closed: Closed?
  /// The revision under its name that waits for it, or for another rollout, to end.
  package var queued: Queued?
  /// Which units take part, `serving` being theirs; the others get the incumbent. `nil` is all.
  package var layer: LayerRange?

  /// A candidate that has left: no traffic, no verdicts, no promotion in this run.
  package struct Dropped: Hashable, Sendable, Codable {
    package var model: ModelName
    /// Which one failed; `nil` where the model broke down.
    package var gate: String?
    /// What was shown, in a sentence.
    package var reason: String?
    /// Index into `steps` of the one in which it left.
    package var step: Int
  }

  /// The schedule's word.
  package struct Closed: Hashable, Sendable, Codable {
    /// `outside of its windows`, `frozen: holidays`
    package var reason: String
    /// When it opens next; `nil` when it never does.
    package var opensAtMilliseconds: Int64?
    /// The same by the clock of the place that opens: `Mon 2026-11-30 09:00 (Europe/Berlin)`.
    package var opens: String?
  }

  /// What comes next.
  package struct Queued: Hashable, Sendable, Codable {
    package var digest: String
    package var incumbent: ModelName
    package var candidates: [ModelName]
    package var sinceMilliseconds: Int64
    /// What it waits for, each in a sentence.
    package var missing: [String]
  }

  /// The journal has all of them.
  private static let latestAllocations = 50

  /// The latest ones; cells, of which there are many, of the last alone.
  private static func latest(_ allocations: [BanditAllocation]) -> [BanditAllocation] {
    var latest = Array(allocations.suffix(latestAllocations))
    for index in latest.indices.dropLast() { latest[index].cells = nil }
    return latest
  }

  /// A model's part of the traffic.
  package struct TrafficShare: Hashable, Sendable, Codable {
    package var model: ModelName
    package var share: Share
  }

  /// How one model did at one length of prompt. Times in seconds; `nil` without values.
  package struct ComparisonLine: Hashable, Sendable, Codable {
    package var model: ModelName
    /// Tokens of the prompt: `256–1023`.
    package var promptTokens: String
    package var answers: Int
    package var failures: Int
    /// Behind other work: in none of the times below.
    package var queueP95: Double?
    package var timeToFirstTokenP50: Double?
    package var timeToFirstTokenP95: Double?
    package var timePerOutputTokenP50: Double?
    package var timePerOutputTokenP95: Double?
    package var totalP50: Double?
    package var totalP95: Double?
    package var tokenAgreement: Double?
    package var prefixAgreement: Double?
    /// Mean of an answer, in the currency of the model's price; `nil` without one.
    package var cost: Double?
  }
}

extension RolloutResponse {
  /// What `status` tells of the rollout called `name`, or `nil` when there is none.
  ///
  /// - Parameter notes: what is to be known of how a model is run
  init?(
    _ name: RolloutName, in status: ServiceStatus, nowMilliseconds: Int64,
    notes: (ModelName) -> [String]
  ) {
    let waiting = status.state.queued(name)
    guard let state = status.state.rollouts[name] ?? waiting else { return nil }
    let policy = state.policy
    let mayMove = state.status.isLive || state.status == .pending
    let hold = mayMove ? policy.schedule.hold(at: nowMilliseconds) : nil
    let gates = status.reports[name, default: []].map(\.finite)
    self.init(
      name: name, route: policy.route, status: state.status, reason: state.reason, run: state.run,
      generation: state.generation, digest: policy.digest,
      incumbent: status.state.incumbents[policy.route] ?? policy.incumbent,
      candidates: policy.candidates,
      dropped: state.dropped.map(Dropped.init), steps: policy.steps.map(\.traffic.inWords),
      step: state.step,
      startedAtMilliseconds: state.startedAtMilliseconds,
      stepStartedAtMilliseconds: state.stepStartedAtMilliseconds, nowMilliseconds: nowMilliseconds,
      serving: [], shadows: [], allocations: Self.latest(state.allocations),
      gates: gates,
      comparison: status.comparisons[name]?.linesByBand.map(ComparisonLine.init) ?? [],
      missing: state.missing(
        gates, nowMilliseconds: nowMilliseconds, hold: hold,
        behind: status.state.obstacle(to: state)), notes: [])
    closed = hold.map(Closed.init)
    layer = policy.assignment.layer
    queued = waiting.map { Queued($0, in: status.state, nowMilliseconds: nowMilliseconds) }
    self.notes = ([incumbent] + candidates.filter { $0 != incumbent }).flatMap { model in
      notes(model).map { "'\(model)' \($0)" }
    }
    let shares = state.shares
    serving =
      [TrafficShare(model: incumbent, share: shares[policy.incumbent] ?? .all)]
      + policy.candidates.compactMap { candidate in
        shares[candidate].map { TrafficShare(model: candidate, share: $0) }
      }
    if case .shadow(let shadow) = state.traffic {
      let asked = state.candidates + (shadow.hasControl ? [policy.incumbent] : [])
      shadows = asked.map { TrafficShare(model: $0, share: shadow.share) }
    }
  }
}

extension RolloutResponse.Closed {
  fileprivate init(_ hold: ScheduleHold) {
    self.init(
      reason: hold.reason, opensAtMilliseconds: hold.opensAtMilliseconds, opens: hold.opens)
  }
}

extension RolloutResponse.Queued {
  fileprivate init(_ waiting: RolloutState, in state: ServiceState, nowMilliseconds: Int64) {
    let hold = waiting.policy.schedule.hold(at: nowMilliseconds)
    self.init(
      digest: waiting.policy.digest, incumbent: waiting.policy.incumbent,
      candidates: waiting.policy.candidates, sinceMilliseconds: waiting.startedAtMilliseconds,
      missing: waiting.missing(
        [], nowMilliseconds: nowMilliseconds, hold: hold, behind: state.obstacle(to: waiting)))
  }
}

extension ServiceState {
  /// The live rollout that a queued one waits for, if one is.
  fileprivate func obstacle(to waiting: RolloutState) -> RolloutState? {
    let sameName = rollouts[waiting.policy.name].flatMap { $0.status.isLive ? $0 : nil }
    return liveRollout(on: waiting.policy.route) ?? sameName
  }
}

extension ComparisonTable {
  /// Models side by side at each length of prompt.
  var linesByBand: [Line] {
    lines.sorted { ($0.band, $0.model) < ($1.band, $1.model) }
  }
}

extension RolloutResponse.ComparisonLine {
  init(_ line: ComparisonTable.Line) {
    self.init(
      model: line.model, promptTokens: line.band.description, answers: line.answers,
      failures: line.failures, queueP95: line.queueSeconds.p95,
      timeToFirstTokenP50: line.timeToFirstTokenSeconds.p50,
      timeToFirstTokenP95: line.timeToFirstTokenSeconds.p95,
      timePerOutputTokenP50: line.timePerOutputTokenSeconds.p50,
      timePerOutputTokenP95: line.timePerOutputTokenSeconds.p95,
      totalP50: line.totalSeconds.p50, totalP95: line.totalSeconds.p95,
      tokenAgreement: line.tokenAgreement, prefixAgreement: line.prefixAgreement, cost: line.cost)
  }
}

extension StepTraffic {
  /// As a line of a list of steps: `canary 5%`.
  fileprivate var inWords: String {
    switch self {
    case .shadow(let shadow):
      (shadow.share == .all ? "shadow" : "shadow \(shadow.share)")
        + (shadow.hasControl ? " with a control" : "")
    case .canary(let weight): "canary \(weight)"
    case .split(let weights):
      "split "
        + weights.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        .joined(separator: ", ")
    case .interleave(let choices): "interleave up to \(choices) choices"
    case .bandit(let bandit):
      (bandit.algorithm == .thompson ? "bandit on " : "bandit \(bandit.algorithm.rawValue) on ")
        + "\(bandit.reward)"
    case .approval(let team): team.map { "approval by \($0)" } ?? "approval"
    case .pause(let seconds): "pause \(Duration.seconds(seconds).inWords)"
    }
  }
}

extension RolloutResponse.Dropped {
  init(_ candidate: DroppedCandidate) {
    self.init(
      model: candidate.model, gate: candidate.gate, reason: candidate.reason, step: candidate.step)
  }
}
