package import Experimentation

/// A world to be simulated: a policy, what is true of its models, and what happens to it.
package struct Scenario: Sendable {
  package var name: String
  /// What is wrong, and what should come of it, in a sentence.
  package var summary: String
  package var policy: RolloutPolicy
  package var traffic = TrafficModel()
  package var incumbent = ModelTruth()
  package var candidate = ModelTruth()
  /// Of the second candidate, in policies that have one.
  package var rival = ModelTruth()
  /// Another rollout of the same models on a route of its own, which all users ask as well.
  package var companion: RolloutPolicy?
  /// What the candidate becomes later, or the rival where there is one.
  package var change: (atHours: Double, truth: ModelTruth)?
  package var orders: [Order] = []
  /// The process is killed at these hours.
  package var crashHours: [Double] = []
  /// Faults by the number of the write to the journal.
  package var faults: [Int: SimulatedDisk.Fault] = [:]
  /// The disk is away between these hours.
  package var awayHours: ClosedRange<Double>?
  /// The end, unless the rollout ends sooner.
  package var hours: Double

  /// What an operator does.
  package struct Order: Hashable, Sendable {
    /// Which command.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
      case promote, forcePromote, abort, rollBack, approve, pause, resume
    }

    package var atHours: Double
    package var kind: Kind

    package init(_ kind: Kind, atHours: Double) {
      self.kind = kind
      self.atHours = atHours
    }
  }

  package init(_ name: String, _ summary: String, policy: RolloutPolicy, hours: Double = 24) {
    (self.name, self.summary, self.policy, self.hours) = (name, summary, policy, hours)
  }
}

extension Scenario {
  /// The scenarios that come with the program, in the order in which they are best read.
  package static var all: [Scenario] {
    guard let names = SimulatedNames(), let five = Share(0.05), let half = Share(0.5),
      let tenth = Share(0.1), let fifth = Share(0.2)
    else { return [] }
    let policy = names.policy(
      [
        Step(.shadow(ShadowTraffic()), hold: HoldConditions(minSamples: 200)),
        Step(.canary(weight: five), hold: HoldConditions(minSamples: 100, minSeconds: 600)),
        Step(.canary(weight: half), hold: HoldConditions(minSamples: 500, minSeconds: 600)),
      ],
      metrics: [
        MetricGate(
          name: "errors", metric: .errorRate, role: .guardrail,
          objective: .notWorse(by: .absolute(0.01))),
        MetricGate(
          name: "latency", metric: .latency, role: .guardrail,
          objective: .notWorse(by: .relative(0.1))),
        MetricGate(
          name: "agreement", metric: .tokenAgreement, role: .guardrail,
          objective: .notWorse(by: .absolute(0.1))),
      ], unit: .request)
    func startBandit(_ scenario: inout Scenario, speed: Double) {
      scenario.policy.steps = [
        Step(
          .bandit(
            BanditTraffic(reward: .metric(.latency), minShare: tenth, updateSeconds: 120)))
      ]
      scenario.policy.metrics.removeAll { $0.name != "errors" }
      scenario.candidate.medianSeconds *= speed
    }
    func startInterleaving(_ scenario: inout Scenario) {
      scenario.traffic.choices = 2
      scenario.traffic.requestsPerSecond = 1
      scenario.policy.steps = [Step(.interleave(choices: 2))]
      scenario.policy.metrics = [
        MetricGate(
          name: "liked", metric: .preference, role: .goal, objective: .better(by: .absolute(0)))
      ]
    }
    func enterRival(_ scenario: inout Scenario) {
      scenario.policy.candidates.append(names.rival)
      for index in scenario.policy.metrics.indices {
        scenario.policy.metrics[index].onFail = .drop
      }
      scenario.policy.steps[2].traffic = .canary(weight: fifth)
    }
    func scenario(
      _ name: String, _ summary: String, _ body: (inout Scenario) -> Void
    ) -> Scenario {
      var scenario = Scenario(name, summary, policy: policy)
      body(&scenario)
      return scenario
    }
    return [
      scenario("harmless", "The candidate is as good: it is promoted.") { _ in },
      scenario("doubled-errors", "Errors 1 % become 3 %: it is taken back.") {
        $0.candidate.errorRate = 0.03
      },
      scenario("slower", "Everything takes 30 % longer: it is taken back in shadow mode.") {
        $0.candidate.medianSeconds *= 1.3
      },
      scenario("long-tail", "p99 is half as long again, the rest as before: no gate looks there.") {
        $0.candidate.tailFactor = 1.5
      },
      scenario("disagreeing", "The candidate says other things: its agreement is 80 %.") {
        $0.candidate.agreement = 0.8
      },
      scenario("watched-tail", "The same tail, and a gate on p99: it is taken back.") {
        $0.candidate.tailFactor = 1.5
        $0.policy.metrics.append(
          MetricGate(
            name: "slowest", metric: .latency, role: .guardrail,
            objective: .notWorse(by: .relative(0.1)), quantile: 0.99))
      },
      scenario("dead", "The candidate dies after a quarter of an hour: the kill switch acts.") {
        $0.change = (0.25, ModelTruth(errorRate: 1))
      },
      scenario("leak", "After twenty minutes the candidate fails 10 % of the time.") {
        $0.change = (1.0 / 3, ModelTruth(errorRate: 0.1))
      },
      scenario("incident", "The whole platform fails for two hours; the candidate is harmless.") {
        $0.traffic.incidents = [
          // Before any rollout of this policy can have ended: its canaries take twenty minutes.
          Incident(fromHours: 0.25, toHours: 2.25, addedErrors: 0.1, slowdown: 2)
        ]
      },
      scenario("stragglers", "One answer in fifty takes twenty times as long, whoever gives it.") {
        $0.traffic.stragglerShare = 0.02
      },
      scenario("crashes", "The process dies at every write to the journal, and starts again.") {
        // A crash before and after each write, in turn.
        for write in 1...24 { $0.faults[write] = write % 2 == 0 ? .crashAfter : .crashBefore }
      },
      scenario("killed", "The process is killed every twenty minutes.") {
        $0.crashHours = (1...30).map { Double($0) / 3 }
      },
      scenario("no-disk", "The disk is away for an hour: nothing moves on, serving goes on.") {
        $0.awayHours = 0.2...1.2
      },
      scenario("operator", "A person takes the rollout back while it gathers evidence.") {
        $0.orders = [Order(.rollBack, atHours: 0.5), Order(.promote, atHours: 0.51)]
      },
      scenario("impatient", "A person asks for promotion too early, and is told what is open.") {
        $0.orders = [Order(.promote, atHours: 0.1)]
      },
      scenario(
        "few-users", "5,000 users who stay on their model are few for 5 %: it may hold all day."
      ) {
        $0.policy.assignment.unit = .user
        $0.hours = 12
      },
      scenario("bandit", "The candidate is 5 % faster: traffic moves to it, and it is promoted.") {
        startBandit(&$0, speed: 0.95)
      },
      scenario("bandit-killed", "The same, and the process is killed every twenty minutes.") {
        startBandit(&$0, speed: 0.95)
        $0.crashHours = (1...30).map { Double($0) / 3 }
      },
      scenario("bandit-worse", "The candidate is 5 % slower: the incumbent is shown to be best.") {
        startBandit(&$0, speed: 1.05)
      },
      scenario("bandit-errors", "Faster, and it breaks 5 % of its answers: it is taken back.") {
        startBandit(&$0, speed: 0.85)
        $0.candidate.errorRate = 0.06
      },
      scenario("rivals", "Of two candidates one is 30 % slower: it leaves, the other goes on.") {
        enterRival(&$0)
        $0.rival.medianSeconds *= 1.3
      },
      scenario(
        "rival-dies", "One of two dies after an hour: it leaves, whatever kills the service."
      ) {
        enterRival(&$0)
        $0.change = (1, ModelTruth(errorRate: 1))
        $0.crashHours = (1...30).map { Double($0) / 3 }
      },
      scenario(
        "bandit-by-length",
        "The candidate is quicker on long prompts and slower on short ones: each gets its own."
      ) {
        startBandit(&$0, speed: 1)
        $0.policy.steps = [
          Step(
            .bandit(
              BanditTraffic(
                reward: .metric(.latency), algorithm: .linearThompson,
                context: BanditContext(usesPromptLength: true), minShare: tenth,
                updateSeconds: 300)))
        ]
        // Equal over all prompts by the logarithm, which latencies are rewarded by: no one model is
        // the one to take.
        $0.candidate.promptSlope = -0.5
        $0.hours = 6
      },
      scenario(
        "noisy-incumbent",
        "It says the same again on 85 % of tokens only: the control shows that it is no fault."
      ) {
        $0.policy.steps[0].traffic = .shadow(ShadowTraffic(hasControl: true))
        $0.incumbent.agreement = 0.85
        $0.candidate.agreement = 0.85
      },
      scenario(
        "one-layer", "Two rollouts have half of a layer each: no user takes part in both."
      ) {
        Self.pair(&$0, names, layers: ("people", 0...0.5), ("people", 0.5...1))
      },
      scenario(
        "two-layers", "Two rollouts have half of a layer of their own: a quarter is in both."
      ) {
        Self.pair(&$0, names, layers: ("chat", 0...0.5), ("search", 0...0.5))
      },
      scenario(
        "interleaved", "Users see a choice of each model and like the candidate's: it is promoted."
      ) {
        startInterleaving(&$0)
        $0.candidate.appeal = 1.3
      },
      scenario(
        "interleaved-alike",
        "Choices of equal models, and users who like whatever comes first: nothing is shown."
      ) {
        startInterleaving(&$0)
        $0.traffic.firstPlaceAppeal = 3
        $0.hours = 6
      },
      scenario("silence", "Nobody asks anything: no data never promotes.") {
        $0.traffic.requestsPerSecond = 0
        $0.hours = 12
      },
    ]
  }

  /// Gives the scenario a second rollout on another route, each with its part of a layer.
  private static func pair(
    _ scenario: inout Scenario, _ names: SimulatedNames,
    layers first: (String, ClosedRange<Double>), _ second: (String, ClosedRange<Double>)
  ) {
    func layer(_ part: (name: String, range: ClosedRange<Double>)) -> LayerRange? {
      guard let name = LayerName(part.name), let lower = Share(part.range.lowerBound),
        let upper = Share(part.range.upperBound)
      else { return nil }
      return LayerRange(name: name, lower: lower, upper: upper)
    }
    guard let route = RouteName("search") else { return }
    scenario.policy.assignment.unit = .user
    scenario.policy.assignment.layer = layer(first)
    scenario.hours = 2
    var companion = scenario.policy
    companion.name = names.other
    companion.route = route
    companion.assignment.salt = "another"
    companion.assignment.layer = layer(second)
    companion.digest = "p2"
    scenario.companion = companion
  }

  /// The scenario of that name.
  package static func named(_ name: String) -> Scenario? { all.first { $0.name == name } }
}
