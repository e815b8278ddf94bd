import Simulation

/// The situations of STATISTICS T1–T3, T5–T7 and T9, in the order in which they are run.
enum DecisionPlan {
  /// - Parameter runs: of each situation, 1 or more; those that end with a decision, which cost
  ///   little, get two or three times as many
  static func experiments(runs: Int) -> [DecisionExperiment] {
    independent(runs: runs, share: 0.5, limit: 60_000)
      + independent(runs: runs, share: 0.05, limit: 120_000)
      + shadow(runs: runs) + ramp(runs: runs) + sessions(runs: runs) + sampleRatio(runs: runs)
      + kayenta(runs: runs) + margins(runs: runs)
  }

  /// Errors with a margin in points and in percent; no table of STATISTICS.
  private static func margins(runs: Int) -> [DecisionExperiment] {
    [(0.5, "50/50", 60_000), (0.05, "5%", 120_000)].flatMap { share, traffic, limit in
      [
        (DecisionTruth.doubledErrors, DecisionMethod<TrialRequest>.Purpose.rollback),
        (.manyErrors, .rollback), (.harmless, .promotion),
      ].map { truth, purpose in
        // 1 % that became 2 % stands at the wider margins.
        let isAtMargin = truth.name == DecisionTruth.doubledErrors.name
        return DecisionExperiment(
          "margins", traffic: traffic, .split(share), truth, isFalse: false, limit: limit,
          runs: runs,
          rules(OurRules.errorMargins, purpose).filter {
            !(isAtMargin && ["errors within 100 %", "errors within 1.0 points"].contains($0.name))
          })
      }
    }
  }

  private static func rules(
    _ methods: [DecisionMethod<TrialRequest>], _ purpose: DecisionMethod<TrialRequest>.Purpose
  ) -> [DecisionMethod<TrialRequest>] { methods.filter { $0.purpose == purpose } }

  private static let quantiles = [0.5, 0.95, 0.99].flatMap(OurRules.exceedance)

  /// T1, T2 and the split columns of T3.
  private static func independent(
    runs: Int, share: Double, limit: Int
  ) -> [DecisionExperiment] {
    let isHalf = share == 0.5
    // Which T1 has at 50/50 alone, and which cost most.
    let more = isHalf ? OurRules.logLatency + OurRules.median : []
    let ours = OurRules.errors + OurRules.quality + quantiles + more
    let rivals = RivalRules.errors + RivalRules.quality + RivalRules.latency
    let traffic = isHalf ? "50/50" : "5%"
    func detection(
      _ truth: DecisionTruth, _ methods: [DecisionMethod<TrialRequest>]
    ) -> DecisionExperiment {
      DecisionExperiment(
        "T2", traffic: traffic, .split(share), truth, isFalse: false, limit: limit,
        runs: (isHalf ? 3 : 2) * runs, rules(methods, .rollback))
    }
    let errors = OurRules.errors + RivalRules.errors
    let quality = OurRules.quality + RivalRules.quality
    let latency = OurRules.logLatency + quantiles + OurRules.median + RivalRules.latency
    let promotions = ours + (isHalf ? [] : OurRules.logLatency)
    return [
      DecisionExperiment(
        "T1", traffic: traffic, .split(share), .harmless, isFalse: true, limit: limit,
        runs: runs, rules(ours + rivals, .rollback)),
      DecisionExperiment(
        "T1", traffic: traffic, .split(share), .atMargin, isFalse: true, limit: limit,
        runs: runs, rules(ours + rivals, .promotion)),
      DecisionExperiment(
        "T3", traffic: traffic, .split(share), .harmless, isFalse: false, limit: limit,
        runs: (isHalf ? 3 : 2) * runs, rules(promotions, .promotion)),
      detection(.doubledErrors, errors), detection(.worseQuality, quality),
      detection(.slower, latency), detection(.muchSlower, latency),
    ]
      + (isHalf
        ? [
          detection(.moreErrors, errors), detection(.manyErrors, errors),
          detection(.badQuality, quality),
        ]
          + [DecisionTruth.longTail, .longerTail].flatMap { truth in
            // Rules that never find it watch to the end: fewer runs of those.
            [
              detection(truth, OurRules.exceedance(0.99)),
              DecisionExperiment(
                "T2", traffic: traffic, .split(share), truth, isFalse: false, limit: limit,
                runs: runs, rules(RivalRules.latency, .rollback)),
            ]
          } : [])
  }

  /// T3's columns of shadow mode.
  private static func shadow(runs: Int) -> [DecisionExperiment] {
    let ours = OurPairRules.quality + OurPairRules.errors + OurPairRules.tail + OurPairRules.ratio
    func rollbacks(_ methods: [DecisionMethod<TrialPair>]) -> [DecisionMethod<TrialPair>] {
      methods.filter { $0.purpose == .rollback }
    }
    let promotions = ours.filter { $0.purpose == .promotion }
    let latency = OurPairRules.tail + OurPairRules.ratio
    func detection(
      _ truth: DecisionTruth, _ methods: [DecisionMethod<TrialPair>]
    ) -> DecisionExperiment {
      DecisionExperiment(
        shadow: truth, isFalse: false, limit: 40_000, runs: 3 * runs, rollbacks(methods))
    }
    return [
      DecisionExperiment(
        shadow: .harmless, isFalse: true, limit: 40_000, runs: runs,
        rollbacks(ours) + [RivalRules.pairedQuality]),
      DecisionExperiment(
        shadow: .atMargin, isFalse: true, limit: 40_000, runs: runs, promotions),
      DecisionExperiment(
        shadow: .harmless, isFalse: false, limit: 40_000, runs: 3 * runs, promotions),
      detection(.worseQuality, OurPairRules.quality + [RivalRules.pairedQuality]),
      detection(.doubledErrors, OurPairRules.errors), detection(.slower, latency),
      detection(.muchSlower, OurPairRules.tail),
    ]
  }

  private static func ramp(runs: Int) -> [DecisionExperiment] {
    let both = OurRules.errors + OurRules.quality + RivalRules.errors + RivalRules.quality
    var bad = DecisionTruth.atMargin
    (bad.name, bad.latencyFactor) = ("RR 2, -2pt", 1)
    return [(DecisionTruth.harmless, true), (bad, false)].map { truth, isFalse in
      DecisionExperiment(
        "T6", traffic: "ramp 1-5-25-50%", .ramp(length: 40_000), truth, isFalse: isFalse,
        limit: 40_000, runs: runs, rules(both, .rollback))
    }
  }

  private static func sessions(runs: Int) -> [DecisionExperiment] {
    let ours = rules(OurRules.quality + OurRules.errors, .rollback)
    return [0.1, 0.3].flatMap { correlation in
      [
        DecisionExperiment(
          "T7", traffic: "by request \(correlation)",
          .sessions(correlation: correlation, assignedBySession: false), .harmless, isFalse: true,
          limit: 40_000, runs: runs, ours),
        DecisionExperiment(sessionsOf: correlation, limit: 40_000, runs: runs, ours),
        // What our layer of analysis does not let happen: sticky units counted by request.
        DecisionExperiment(
          "T7", traffic: "by session, counted by request \(correlation)",
          .sessions(correlation: correlation, assignedBySession: true), .harmless, isFalse: true,
          limit: 40_000, runs: runs,
          ours.map { rule in
            DecisionMethod(
              "\(rule.name) by request", rule.purpose, isOurs: false, make: rule.make)
          }),
      ]
    }
  }

  private static func sampleRatio(runs: Int) -> [DecisionExperiment] {
    [(0.5, 0.5), (0.5, 0.51), (0.5, 0.52), (0.5, 0.55), (0.05, 0.05), (0.05, 0.06), (0.05, 0.04)]
      .map { should, actual in
        DecisionExperiment(
          sampleRatio: should, actual: actual, limit: 100_000,
          runs: should == actual ? runs : 2 * runs)
      }
  }

  private static func kayenta(runs: Int) -> [DecisionExperiment] {
    [DecisionTruth.harmless, .doubledErrors, .longerTail, .worseQuality].flatMap { truth in
      [200, 20].map { requests in
        DecisionExperiment(
          kayenta: truth, requestsAMinute: requests,
          isFalse: truth.name == DecisionTruth.harmless.name, runs: min(runs, 400))
      }
    }
  }
}
