/// One stage of a rollout: how traffic is shared, and what must hold before the next.
package struct Step: Hashable, Sendable, Codable {
  package var traffic: StepTraffic
  package var hold: HoldConditions

  package init(_ traffic: StepTraffic, hold: HoldConditions = HoldConditions()) {
    self.traffic = traffic
    self.hold = hold
  }
}

/// How traffic is shared while a step runs.
package enum StepTraffic: Hashable, Sendable, Codable {
  /// The incumbent answers everybody; candidates are asked aside.
  case shadow(ShadowTraffic)
  /// Each candidate answers `weight` of the traffic, the incumbent the rest.
  case canary(weight: Share)
  /// Every model answers its share; shares sum to 1 and name incumbent and candidates only.
  case split(weights: [ModelName: Share])
  /// Every model answers a share that follows what is known of it.
  case bandit(BanditTraffic)
  /// Answers with 2 to `choices` choices have some of every model, drafted in teams; the incumbent
  /// gives all others.
  case interleave(choices: Int)
  /// The traffic of the step before, until a person approves.
  case approval(team: String?)
  /// The traffic of the step before, for some seconds.
  case pause(seconds: Double)
}

/// Bounds on what a shadow step may cost.
package struct ShadowTraffic: Hashable, Sendable, Codable {
  /// The share of requests that are shadowed.
  package var share: Share
  /// Shadow requests under way at once, 1…64, per candidate.
  package var concurrency: Int
  /// Prompt and answer tokens that shadows may spend a day, or `nil` for no such bound.
  package var tokensPerDay: Int?
  /// Whether the incumbent is asked aside too, in a lane and within bounds of its own: what differs
  /// between two answers of one model is noise.
  package var hasControl: Bool

  package init(
    share: Share = .all, concurrency: Int = 1, tokensPerDay: Int? = nil, hasControl: Bool = false
  ) {
    self.share = share
    self.concurrency = concurrency
    self.tokensPerDay = tokensPerDay
    self.hasControl = hasControl
  }

  private enum CodingKeys: String, CodingKey {
    case share, concurrency, tokensPerDay
    case hasControl = "control"
  }

  /// Journals of before there were controls name none.
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      share: try fields.decode(Share.self, forKey: .share),
      concurrency: try fields.decode(Int.self, forKey: .concurrency),
      tokensPerDay: try fields.decodeIfPresent(Int.self, forKey: .tokensPerDay),
      hasControl: try fields.decodeIfPresent(Bool.self, forKey: .hasControl) ?? false)
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(share, forKey: .share)
    try fields.encode(concurrency, forKey: .concurrency)
    try fields.encodeIfPresent(tokensPerDay, forKey: .tokensPerDay)
    if hasControl { try fields.encode(hasControl, forKey: .hasControl) }
  }
}

/// What must have happened before a step's gates may let it pass.
package struct HoldConditions: Hashable, Sendable, Codable {
  /// Samples that each gate needs: pairs in a shadow step, outcomes of each model otherwise; ≥ 1.
  package var minSamples: Int
  /// Seconds that the step must have run.
  package var minSeconds: Double
  /// Seconds after which a step that has not passed is `inconclusive`; `nil` waits for ever.
  package var maxSeconds: Double?
  /// What happens at `maxSeconds`. Never a promotion.
  package var onInconclusive: InconclusiveAction

  package init(
    minSamples: Int = 1, minSeconds: Double = 0, maxSeconds: Double? = nil,
    onInconclusive: InconclusiveAction = .pause
  ) {
    self.minSamples = minSamples
    self.minSeconds = minSeconds
    self.maxSeconds = maxSeconds
    self.onInconclusive = onInconclusive
  }
}

/// What happens when a step has run its longest and the evidence does not decide.
package enum InconclusiveAction: String, Hashable, Sendable, Codable, CaseIterable {
  case pause, rollBack, hold
}
