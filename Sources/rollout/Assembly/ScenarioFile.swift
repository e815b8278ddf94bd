import Experimentation
import Foundation
import PolicyLanguage
import Simulation

/// A scenario as people write it down: JSON, of which everything may be left out.
struct ScenarioFile: Decodable {
  struct Truth: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable {
      case errorRate, medianSeconds, spread, tailFactor, promptSlope, agreement, appeal
    }

    var errorRate: Double?
    var medianSeconds: Double?
    var spread: Double?
    var tailFactor: Double?
    var promptSlope: Double?
    var agreement: Double?
    var appeal: Double?

    /// - Throws: `CommandFailure` for what no model can be.
    func change(_ truth: inout ModelTruth) throws {
      truth.errorRate = errorRate ?? truth.errorRate
      truth.medianSeconds = medianSeconds ?? truth.medianSeconds
      truth.spread = spread ?? truth.spread
      truth.tailFactor = tailFactor ?? truth.tailFactor
      truth.promptSlope = promptSlope ?? truth.promptSlope
      truth.agreement = agreement ?? truth.agreement
      truth.appeal = appeal ?? truth.appeal
      guard (0...1).contains(truth.errorRate), (0...1).contains(truth.agreement),
        (0.0001...3_600).contains(truth.medianSeconds), (0...5).contains(truth.spread),
        (0.1...100).contains(truth.tailFactor), (-3...3).contains(truth.promptSlope),
        (0.001...1_000).contains(truth.appeal)
      else {
        throw CommandFailure(
          .usage, "a model of the scenario is out of range",
          remedy: "errorRate and agreement in 0…1, medianSeconds in 0.0001…3600, spread in 0…5, "
            + "tailFactor in 0.1…100, promptSlope in -3…3, appeal in 0.001…1000")
      }
    }
  }

  struct Change: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case atHours, candidate }

    var atHours: Double
    var candidate: Truth
  }

  struct PlatformIncident: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable {
      case fromHours, toHours, addedErrors, slowdown
    }

    var fromHours: Double
    var toHours: Double
    var addedErrors: Double?
    var slowdown: Double?
  }

  struct Order: Decodable {
    enum CodingKeys: String, CodingKey, CaseIterable { case atHours, order }

    var atHours: Double
    var order: String
  }

  enum CodingKeys: String, CodingKey, CaseIterable {
    case base, policy, rollout, hours, requestsPerSecond, users, stragglerShare, choices
    case firstPlaceAppeal, incumbent, candidate, rival, change, incidents, orders, crashHours
  }

  /// The scenario that stands for what is left out; else `harmless`.
  var base: String?
  /// Files or a folder with the rollout's policy; else that of the base.
  var policy: String?
  /// Which rollout of the policy; else the only one.
  var rollout: String?
  var hours: Double?
  var requestsPerSecond: Double?
  var users: Int?
  var stragglerShare: Double?
  /// That each request asks for.
  var choices: Int?
  /// How likely users are to take the first of them, beside an equal one in another place.
  var firstPlaceAppeal: Double?
  var incumbent: Truth?
  var candidate: Truth?
  /// Of the second candidate, in policies that have one.
  var rival: Truth?
  /// Of the candidate, or of the rival where there is one.
  var change: Change?
  var incidents: [PlatformIncident]?
  var orders: [Order]?
  var crashHours: [Double]?

  /// The scenario called `name`, or the one that the file of that path describes.
  ///
  /// - Throws: `CommandFailure`, or the policy's mistakes.
  static func scenario(_ name: String) throws -> Scenario {
    if let scenario = Scenario.named(name) { return scenario }
    guard let data = FileManager.default.contents(atPath: name) else {
      throw CommandFailure(
        .usage, "there is no scenario and no file '\(name)'",
        remedy: "`rollout simulate` lists the scenarios")
    }
    guard data.count <= 1 << 20 else {
      throw CommandFailure(.usage, "'\(name)' is longer than 1 MiB")
    }
    do {
      let file = try JSONDecoder().decode(ScenarioFile.self, from: data)
      try checkKeys(of: data)
      var scenario = try file.scenario()
      scenario.name = URL(filePath: name).deletingPathExtension().lastPathComponent
      scenario.summary = "As \(name) says."
      return scenario
    } catch let error as DecodingError {
      throw CommandFailure(.usage, "'\(name)' is no scenario: \(error)")
    }
  }

  private func scenario() throws -> Scenario {
    guard var scenario = Scenario.named(base ?? "harmless") else {
      throw CommandFailure(
        .usage, "there is no scenario '\(base ?? "")'",
        remedy: "`rollout simulate` lists the scenarios")
    }
    if let policy { scenario.policy = try Self.policy(policy, rollout) }
    let hasRival = scenario.policy.candidates.count > 1
    guard rival == nil || hasRival else {
      throw CommandFailure(
        .usage, "the scenario has a rival, and its policy has one candidate only",
        remedy: "write a second one into `candidates`, or base it on 'rivals'")
    }
    scenario.hours = hours ?? scenario.hours
    scenario.traffic.requestsPerSecond = requestsPerSecond ?? scenario.traffic.requestsPerSecond
    scenario.traffic.users = users ?? scenario.traffic.users
    scenario.traffic.stragglerShare = stragglerShare ?? scenario.traffic.stragglerShare
    scenario.traffic.choices = choices ?? scenario.traffic.choices
    scenario.traffic.firstPlaceAppeal = firstPlaceAppeal ?? scenario.traffic.firstPlaceAppeal
    guard (0...10_000).contains(scenario.hours), (1...100_000_000).contains(scenario.traffic.users),
      (0...1_000).contains(scenario.traffic.requestsPerSecond),
      (0...1).contains(scenario.traffic.stragglerShare),
      (1...8).contains(scenario.traffic.choices),
      (0.001...1_000).contains(scenario.traffic.firstPlaceAppeal)
    else {
      throw CommandFailure(
        .usage, "the scenario's traffic is out of range",
        remedy: "hours in 0…10000, requestsPerSecond in 0…1000, users in 1…100000000, "
          + "stragglerShare in 0…1, choices in 1…8, firstPlaceAppeal in 0.001…1000")
    }
    try incumbent?.change(&scenario.incumbent)
    try candidate?.change(&scenario.candidate)
    try rival?.change(&scenario.rival)
    if let change {
      var truth = hasRival ? scenario.rival : scenario.candidate
      try change.candidate.change(&truth)
      scenario.change = (change.atHours, truth)
    }
    if let incidents {
      scenario.traffic.incidents = incidents.map {
        Incident(
          fromHours: $0.fromHours, toHours: $0.toHours, addedErrors: $0.addedErrors ?? 0,
          slowdown: $0.slowdown ?? 1)
      }
    }
    scenario.crashHours = crashHours ?? scenario.crashHours
    if let orders { scenario.orders = try orders.map(Self.order) }
    try checkVoices(&scenario)
    return scenario
  }

  /// Users say what they think of choices that they see side by side, and of nothing else; as many
  /// are asked for as the policy drafts, unless the file says how many.
  private func checkVoices(_ scenario: inout Scenario) throws {
    let steps = scenario.policy.steps.map(\.traffic)
    let drafted = steps.compactMap { traffic -> Int? in
      if case .interleave(let choices) = traffic { choices } else { nil }
    }.min()
    if let drafted {
      if choices == nil, !(2...drafted).contains(scenario.traffic.choices) {
        scenario.traffic.choices = drafted
      }
      guard (2...drafted).contains(scenario.traffic.choices) else {
        let most = drafted == 2 ? "2" : "2 to \(drafted)"
        throw CommandFailure(
          .usage,
          "requests ask for \(scenario.traffic.choices), and the policy drafts answers of \(most) "
            + "choices", remedy: "write such a number into \"choices\", or leave it out")
      }
    }
    let isRewardedByUsers = steps.contains { traffic in
      if case .bandit(let bandit) = traffic { bandit.reward.feedbackName != nil } else { false }
    }
    let gate = scenario.policy.metrics.first {
      $0.metric.isFromUsers && (drafted == nil || $0.metric != .preference)
    }
    guard gate == nil, !isRewardedByUsers else {
      throw CommandFailure(
        .usage,
        "rollout '\(scenario.policy.name)' reads feedback"
          + (gate.map { " (gate '\($0.name)')" } ?? " (the bandit's reward)")
          + "; simulated users speak of interleaved choices alone",
        remedy: "take it out of a copy, or write a step '- interleave: { choices: 2 }' and a gate "
          + "on preference, and simulate that")
    }
  }

  private static func order(_ order: Order) throws -> Scenario.Order {
    guard let kind = Scenario.Order.Kind(rawValue: order.order) else {
      let kinds = Scenario.Order.Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw CommandFailure(.usage, "no order is called '\(order.order)': there are \(kinds)")
    }
    return Scenario.Order(kind, atHours: order.atHours)
  }

  private static func policy(_ path: String, _ name: String?) throws -> RolloutPolicy {
    let set: PolicySet
    do {
      set = try PolicyParser.parse(try PolicyFiles.read([path]))
    } catch {
      throw CommandFailure(
        .usage, "'\(path)' has \(error.diagnostics.count) mistakes",
        remedy: "`rollout check \(path)` names them")
    }
    let rollouts = set.rollouts.filter { name == nil || $0.name.text == name }
    guard let rollout = rollouts.first, rollouts.count == 1 else {
      throw CommandFailure(
        .usage, "'\(path)' has \(rollouts.count) rollouts that could be meant",
        remedy: "name one with \"rollout\"")
    }
    guard rollout.judge == nil, rollout.embeddings == nil else {
      throw CommandFailure(
        .usage,
        "rollout '\(rollout.name)' has a judge or embeddings; what answers say is not simulated",
        remedy: "take `judge`, `embeddings` and their gates out of a copy, and simulate that")
    }
    return rollout
  }
}
