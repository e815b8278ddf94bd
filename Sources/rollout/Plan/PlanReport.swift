import Console
import Experimentation
import PolicyLanguage
import Promotion

/// What applying policy files would change: meaning, not text. What `rollout plan` shows.
struct PlanReport: Sendable, Codable {
  /// What the files are compared with.
  var base: String
  var rollouts: [Rollout]
  var models: [Model]
  /// Why the service would refuse the files, with the way to mend it; `nil` where it would not, or
  /// was not asked.
  var refusal: Refusal?
  /// What is allowed in the files and probably not meant.
  var warnings: [Diagnostic]

  /// Against the base.
  enum Effect: String, Sendable, Codable { case added, changed, unchanged, removed }

  struct Model: Sendable, Codable {
    var name: ModelName
    var effect: Effect
    var changes: [PolicyChange]
  }

  struct Rollout: Sendable, Codable {
    var name: RolloutName
    var route: RouteName
    var effect: Effect
    var changes: [PolicyChange]
    /// The steps that share traffic; empty for what is unchanged or gone.
    var steps: [StepPlan]
    /// What the forecasts are made from, in words.
    var assumptions: String
    var drift: Drift?
    /// What a reviewer should know, in sentences.
    var notes: [String]
  }

  /// The file was written against another incumbent than the one that is live.
  struct Drift: Sendable, Codable {
    var inFile: ModelName
    var live: ModelName
    /// In the unified format, where patching one line mends it.
    var patch: String?
    /// What else mends it, in a sentence.
    var hint: String?
  }

  struct Refusal: Sendable, Codable {
    var message: String
    var remedy: String?
  }

  /// Everything that asks for less than before: what a reviewer must not miss.
  var loosened: [PolicyChange] {
    rollouts.flatMap { $0.changes.filter { $0.effect == .loosened } }
  }

  var isEmpty: Bool {
    rollouts.allSatisfy { $0.effect == .unchanged && $0.drift == nil }
      && models.allSatisfy { $0.effect == .unchanged }
  }
}

extension PlanReport {
  /// - Parameters:
  ///   - sources: the files that `policies` was read from
  ///   - rate: requests a second of every route, where somebody knows better than the service
  ///   - units: whom to count the moves of; may be empty
  init(
    _ policies: PolicySet, from sources: [PolicySource], against base: PlanBase, rate: Double?,
    units: [AssignmentUnit]
  ) {
    self.base = base.title
    warnings = policies.warnings
    models = policies.models.map { Model($0, against: base) }
    rollouts = policies.rollouts.map { policy in
      Rollout(policy, from: sources, against: base, rate: rate, units: units)
    }
    // One that was renamed is the same route's, and no other.
    let named = Set(
      policies.rollouts.map(\.name) + policies.rollouts.compactMap { base.former(of: $0)?.name })
    rollouts += base.rollouts.values.filter { policy in
      // What has ended in a service is history, not a part of the base.
      !named.contains(policy.name)
        && (base.standings[policy.name].map { $0.status.isLive } ?? true)
    }
    .sorted { $0.name < $1.name }.map { Rollout(removed: $0, from: base) }
    let known = Set(policies.models.map(\.name))
    if !base.isLive {
      models += base.models.keys.filter { !known.contains($0) }.sorted().map {
        Model(name: $0, effect: .removed, changes: [])
      }
    }
  }
}

extension PlanReport.Model {
  fileprivate init(_ model: ModelSpecification, against base: PlanBase) {
    name = model.name
    changes = []
    switch base.models[model.name] {
    case nil: effect = .added
    case let old? where old.digest == model.digest: effect = .unchanged
    case let old?:
      effect = .changed
      changes = model.changes(from: old)
    }
  }
}

extension PlanReport.Rollout {
  fileprivate init(
    _ policy: RolloutPolicy, from sources: [PolicySource], against base: PlanBase, rate: Double?,
    units: [AssignmentUnit]
  ) {
    let known = base.routes[policy.route]
    let baseline = TrafficBaseline(known, rate: rate)
    (name, route, changes, notes) = (policy.name, policy.route, [], [])
    switch base.former(of: policy) {
    case nil: effect = .added
    case let old? where old.digest == policy.digest: effect = .unchanged
    case let old?:
      effect = .changed
      changes = policy.changes(from: old)
      if old.name != policy.name {
        changes.insert(
          PolicyChange(.changed, "name", from: old.name.text, to: policy.name.text), at: 0)
      }
    }
    steps =
      effect == .unchanged
      ? []
      : StepPlan.steps(
        of: policy, after: base.table(of: policy.route), baseline: baseline, units: units)
    assumptions = baseline.inWords(
      counted: rate == nil ? known?.countedSeconds : nil, of: policy)
    if let live = known?.incumbent, live != policy.incumbent, effect != .unchanged {
      drift = PlanReport.Drift(of: policy, live: live, in: sources)
    }
    if let standing = base.standings[policy.name] { notes += standing.notes(effect) }
    if let layer = policy.assignment.layer, effect != .unchanged {
      notes.append(
        "\(layer) take part, and shares are theirs; rates and units moved are of the whole route")
    }
  }

  fileprivate init(removed policy: RolloutPolicy, from base: PlanBase) {
    (name, route, effect) = (policy.name, policy.route, .removed)
    (changes, steps, assumptions) = ([], [], "")
    // Somebody took the rules away; in a service they stay until the rollout ends.
    if !base.isLive {
      changes = [PolicyChange(.loosened, "rollout '\(policy.name)'", from: "its rules", to: nil)]
    }
    notes =
      base.isLive
      ? ["no file has it, and it stays in force: `rollout abort \(policy.name)` ends it"] : []
  }
}

extension PoliciesResponse.Standing {
  fileprivate func notes(_ effect: PlanReport.Effect) -> [String] {
    switch (effect, status.isLive) {
    case (.changed, true):
      ["it is \(status.phrase) \(position) at present"]
        + (dropped?.map(\.sentence) ?? ["this service does not tell which candidates have left it"])
    case (.changed, false):
      ["it ended \(status.phrase); applied again it begins at its first step"]
    case (.unchanged, false):
      ["it ended \(status.phrase), and stays so: another salt would begin it again"]
    case (.unchanged, true), (.added, _), (.removed, _): []
    }
  }

  /// Behind the last step only promotion is left.
  private var position: String {
    policy.steps.indices.contains(step)
      ? "at step \(step + 1) of \(policy.steps.count)" : "and ready for promotion"
  }
}

extension RolloutResponse.Dropped {
  /// The reason, where there is one, names the gate.
  fileprivate var sentence: String {
    "'\(model)' has left it in step \(step + 1)" + (reason.map { ": \($0)" } ?? "")
  }
}

extension TrafficBaseline {
  /// What forecasts are made from, in a sentence.
  fileprivate func inWords(counted seconds: Double?, of policy: RolloutPolicy) -> String {
    guard let requestsPerSecond else {
      return "the route's rate is unknown: name it with --rate for hours"
    }
    let span = seconds.map { ", counted over \(Duration.seconds($0).inWords)" } ?? ""
    let errors = errorRate.map { "\(Numbers.share($0)) of answers fail" }
    return "at \(Numbers.rate(requestsPerSecond)) requests a second\(span); "
      + (errors ?? "how often and how evenly it answers is not known yet, so usual values stand in")
      + (policy.countsUnits
        ? "; each request is taken for another \(policy.assignment.unit.noun)'s, so where they "
          + "come again it takes longer" : "")
  }
}

extension RolloutPolicy {
  /// Whether a step shows a unit once, however often it comes: pairs of a shadow step are each
  /// their own.
  fileprivate var countsUnits: Bool {
    assignment.unit != .request
      && steps.contains { $0.traffic.sharesTraffic && !$0.traffic.isShadow }
  }
}
