import Experimentation

extension RolloutPolicy {
  /// What the steps mean differently, those that are the same passed over wherever they moved to.
  func changesOfSteps(from old: RolloutPolicy) -> [PolicyChange] {
    let (before, after) = (old.steps.map(\.canonicalForm.json), steps.map(\.canonicalForm.json))
    let difference = after.difference(from: before)
    let gone = difference.removals.map(\.place)
    let new = difference.insertions.map(\.place)
    // A step that went where another came is one that changed, if it is of the same kind.
    var pairs: [Int: Int] = [:]
    var free = gone
    for place in new {
      guard
        let match = free.firstIndex(where: {
          old.steps[$0].traffic.kind == steps[place].traffic.kind
        })
      else { continue }
      pairs[place] = free.remove(at: match)
    }
    let removed = free.map { place in
      PolicyChange(
        .loosened, "step \(place + 1)", from: old.steps[place].inWords, to: nil,
        note: "less is seen before the next one")
    }
    let added = new.flatMap { place -> [PolicyChange] in
      let step = steps[place]
      guard let former = pairs[place] else {
        return [
          PolicyChange(
            isFiner(at: place) ? .tightened : .loosened, "step \(place + 1)", from: nil,
            to: step.inWords)
        ]
      }
      let changes = step.changes(from: old.steps[former], subject: "step \(place + 1)")
      guard changes.isEmpty else { return changes }
      return [
        PolicyChange(
          .changed, "step \(place + 1)", from: "step \(former + 1): \(step.inWords)",
          to: "step \(place + 1): the same, moved")
      ]
    }
    return removed + added + exposures(from: old)
  }

  /// Whether a step that was put in only makes the way longer: it waits, or candidates get no more
  /// than in the step that comes next.
  private func isFiner(at place: Int) -> Bool {
    guard let share = exposure(at: place) else { return true }
    let next = steps.indices.lazy.filter { $0 > place }.compactMap { exposure(at: $0) }.first
    return share <= next ?? 1
  }

  /// What candidates answer in a step, 0…1; `nil` for one that only waits.
  private func exposure(at place: Int) -> Double? {
    switch steps[place].traffic {
    case .shadow: 0
    case .canary(let weight): min(weight.value * Double(candidates.count), 1)
    case .split(let weights): 1 - (weights[incumbent]?.value ?? 0)
    case .bandit(let bandit): 1 - bandit.minShare.value
    case .interleave: 1
    case .approval, .pause: nil
    }
  }

  /// Where candidates get more than before until a person has approved for the k-th time.
  private func exposures(from old: RolloutPolicy) -> [PolicyChange] {
    func beforeApprovals(_ policy: RolloutPolicy) -> [Double] {
      policy.steps.indices.filter { place in
        if case .approval = policy.steps[place].traffic { true } else { false }
      }
      .map { place in policy.steps.indices[..<place].compactMap(policy.exposure).max() ?? 0 }
    }
    return zip(beforeApprovals(old), beforeApprovals(self)).enumerated().compactMap {
      index, shares in
      guard shares.1 > shares.0 else { return nil }
      func words(_ share: Double) -> String { "candidates get \(Words.decimal(share * 100))%" }
      return PolicyChange(
        .loosened, "before approval \(index + 1)", from: words(shares.0), to: words(shares.1))
    }
  }
}

extension CollectionDifference.Change {
  fileprivate var place: Int {
    switch self {
    case .insert(let offset, _, _), .remove(let offset, _, _): offset
    }
  }
}

extension Step {
  fileprivate func changes(from old: Step, subject: String) -> [PolicyChange] {
    var changes: [PolicyChange] = []
    if case .bandit = traffic, case .bandit = old.traffic {
      changes += traffic.canonicalEntry.1.changes(from: old.traffic.canonicalEntry.1, in: subject)
    } else if traffic != old.traffic {
      changes.append(
        .init(
          traffic.effect(after: old.traffic), subject, from: old.traffic.inWords,
          to: traffic.inWords))
    }
    changes += hold.changes(from: old.hold, subject: subject)
    let spoken: Set<String> = [traffic.kind, "hold"]
    changes += canonicalForm.changes(from: old.canonicalForm, except: spoken, in: subject)
    return changes
  }

  fileprivate var inWords: String {
    let usual = HoldConditions()
    guard traffic.sharesTraffic, hold != usual else { return traffic.inWords }
    return "\(traffic.inWords), held for \(hold.inWords)"
  }
}

extension StepTraffic {
  /// The step's key.
  fileprivate var kind: String { canonicalEntry.0 }

  fileprivate var inWords: String {
    switch self {
    case .shadow(let shadow):
      "shadow \(shadow.share)" + (shadow.hasControl ? " with a control" : "")
    case .canary(let weight): "canary \(weight)"
    case .split(let weights):
      "split "
        + weights.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    case .bandit(let bandit):
      "bandit on \(bandit.reward), at least \(bandit.minShare) each, anew every "
        + Words.duration(bandit.updateSeconds)
    case .interleave(let choices): "interleave up to \(choices) choices"
    case .approval(let team): team.map { "approval by \($0)" } ?? "approval"
    case .pause(let seconds): "pause \(Words.duration(seconds))"
    }
  }

  /// More traffic at once is less care; what else a step does differently is neither.
  fileprivate func effect(after old: StepTraffic) -> PolicyChange.Effect {
    switch (old, self) {
    case (.canary(let before), .canary(let after)): .of(before, after, laxer: .more)
    case (.pause(let before), .pause(let after)): .of(before, after, laxer: .less)
    case (.shadow(let before), .shadow(let after)) where before.share != after.share:
      .of(before.share, after.share, laxer: .less)
    default: .changed
    }
  }
}

extension HoldConditions {
  fileprivate var inWords: String {
    var parts = ["\(minSamples) samples"]
    if minSeconds > 0 { parts.append("at least \(Words.duration(minSeconds))") }
    if let maxSeconds { parts.append("at most \(Words.duration(maxSeconds))") }
    return parts.joined(separator: ", ")
  }

  fileprivate func changes(from old: HoldConditions, subject: String) -> [PolicyChange] {
    var changes: [PolicyChange] = []
    if minSamples != old.minSamples {
      changes.append(
        .init(
          .of(old.minSamples, minSamples, laxer: .less), subject,
          from: "minSamples \(old.minSamples)", to: "minSamples \(minSamples)"))
    }
    if minSeconds != old.minSeconds {
      changes.append(
        .init(
          .of(old.minSeconds, minSeconds, laxer: .less), subject,
          from: "minTime \(Words.duration(old.minSeconds))",
          to: "minTime \(Words.duration(minSeconds))"))
    }
    if maxSeconds != old.maxSeconds {
      func word(_ seconds: Double?) -> String {
        "maxTime " + (seconds.map(Words.duration) ?? "none")
      }
      changes.append(
        .init(
          .of(old.maxSeconds ?? .infinity, maxSeconds ?? .infinity, laxer: .more), subject,
          from: word(old.maxSeconds), to: word(maxSeconds)))
    }
    if onInconclusive != old.onInconclusive {
      changes.append(
        .init(
          .of(old.onInconclusive.strictness, onInconclusive.strictness, laxer: .less), subject,
          from: "onInconclusive \(old.onInconclusive.rawValue)",
          to: "onInconclusive \(onInconclusive.rawValue)"))
    }
    return changes
  }
}

extension InconclusiveAction {
  fileprivate var strictness: Int {
    switch self {
    case .hold: 0
    case .pause: 1
    case .rollBack: 2
    }
  }
}
