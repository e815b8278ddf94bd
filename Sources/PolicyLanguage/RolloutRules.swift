import Experimentation

/// What must be true of a rollout as a whole.
///
/// Each rule refuses a policy that could not do what it seems to promise: a gate that nothing can
/// measure, a promotion with nothing shown.
struct RolloutRules {
  var steps: [Placed<StepReader.ReadStep>]
  var gates: [Placed<MetricGate>]
  var candidateCount: Int
  var promotion: Placed<PromotionMode>
  var stepsPosition: SourcePosition
  var log: DiagnosticLog

  func check() {
    checkMeasurable()
    checkPauses()
    checkPromotion()
    checkBandits()
    warnOfFallingWeights()
    warnOfLoneDrops()
  }

  /// Values of a pair come from shadow steps, what users say from the steps in which they read the
  /// candidate's answers, other values from every step that shares traffic out.
  private func checkMeasurable() {
    // Steps that could not be read might be the ones that measure.
    guard !steps.isEmpty, !log.hasErrors else { return }
    let measures = steps.contains { $0.value.key.measures }
    let hasShadow = steps.contains { $0.value.key == .shadow }
    let interleaves = steps.contains { $0.value.key == .interleave }
    let judgesAnswers = steps.contains {
      $0.value.key.measures && $0.value.key != .interleave
    }
    let serves = steps.contains { $0.value.key.serves }
    var reported: Set<SourcePosition> = []
    for gate in gates where reported.insert(gate.position).inserted {
      if gate.value.metric.isOfPair, !hasShadow {
        log.report(
          .unmeasurableGate, at: gate.position,
          "\(gate.value.metric.rawValue) compares two answers to one prompt, and no step shadows",
          hint: "add a step '- shadow: { percent: 100 }'")
      } else if gate.value.metric == .preference {
        if interleaves { continue }
        log.report(
          .unmeasurableGate, at: gate.position,
          "preference is between choices of one answer, and no step interleaves them",
          hint: "add a step '- interleave: { choices: 2 }'")
      } else if measures, !judgesAnswers {
        log.report(
          .unmeasurableGate, at: gate.position,
          "an interleaved step shows what users prefer and nothing else, so '\(gate.value.name)' "
            + "is measured nowhere",
          hint: "add a shadow, canary or split step before it")
      } else if gate.value.metric.isFromUsers, !serves {
        log.report(
          .unmeasurableGate, at: gate.position,
          "\(gate.value.metric.rawValue) comes from users, and no step shows them the candidate's "
            + "answers",
          hint: "add a step '- canary: { weight: 5% }'")
      } else if gate.value.role.isRequired, !measures {
        log.report(
          .unmeasurableGate, at: gate.position,
          "no step asks a candidate, so '\(gate.value.name)' can never pass",
          hint: "add a shadow, canary or split step")
      }
    }
  }

  /// What pauses without data waits for a step's shortest time first: without one a step could not
  /// outlive its first look.
  private func checkPauses() {
    guard !log.hasErrors else { return }
    let hasty = steps.firstIndex { $0.value.key.measures && $0.value.step.hold.minSeconds == 0 }
    guard let hasty else { return }
    var reported: Set<SourcePosition> = []
    for gate in gates where gate.value.onNoData == .pause && reported.insert(gate.position).inserted
    {
      log.report(
        .unreachableGate, at: gate.position,
        "'onNoData: pause' waits for the minTime of a step, and step \(hasty + 1) has none: its "
          + "first look would pause the rollout",
        hint: "write 'hold: { minTime: 1h }' with the time in which data must have come")
    }
  }

  private func checkPromotion() {
    // A goal that was misread would look like one that is missing.
    guard !log.hasErrors else { return }
    let isShown = gates.contains { $0.value.role.isRequired }
    if promotion.value == .automatic {
      if !isShown {
        log.report(
          .unprovenPromotion, at: promotion.position,
          "automatic promotion without a goal or a guardrail: nothing would have been shown",
          hint: "add one under 'metrics', or write 'promotion: manual'")
      }
      if candidateCount > 1, !steps.contains(where: { $0.value.key == .bandit }) {
        log.report(
          .ambiguousPromotion, at: promotion.position,
          "automatic promotion with \(candidateCount) candidates: it is not said which",
          hint: "write 'promotion: manual', or one rollout for each candidate")
      }
    } else if !isShown {
      log.report(
        .nothingToShow, at: stepsPosition,
        "no goal and no guardrail: every step passes as soon as its hold is over",
        severity: .warning)
    }
  }

  /// A bandit names the model that goes on. A step behind it that shares traffic out anew would
  /// give some to those that it has just found to be worse.
  private func checkBandits() {
    guard let bandit = steps.firstIndex(where: { $0.value.key == .bandit }) else { return }
    for step in steps[(bandit + 1)...] where step.value.key.measures {
      log.report(
        .misplacedStep, at: step.position,
        "'\(step.value.key.rawValue)' after a bandit, which has named the model to go on with",
        hint: "put it before the bandit, or into a rollout of its own")
    }
  }

  /// What is done is what can be meant; who reads the file should know it.
  private func warnOfLoneDrops() {
    guard candidateCount == 1 else { return }
    var reported: Set<SourcePosition> = []
    for gate in gates
    where gate.value.role.isRequired && gate.value.onFail == .drop
      && reported.insert(gate.position).inserted
    {
      log.report(
        .dropRollsBack, at: gate.position,
        "'\(gate.value.name)' drops the only candidate, which takes the rollout back",
        hint: "write 'onFail: rollBack', or name more candidates", severity: .warning)
    }
  }

  private func warnOfFallingWeights() {
    var highest: Share?
    for step in steps {
      guard case .canary(let weight) = step.value.step.traffic else { continue }
      if let highest, weight < highest {
        log.report(
          .weightDecreases, at: step.position,
          "the canary's weight falls from \(highest) to \(weight)",
          hint: "users who had the candidate go back to the incumbent", severity: .warning)
      }
      highest = weight
    }
  }
}
