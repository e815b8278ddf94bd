package import Experimentation
import Foundation
import Routing
import Statistics

/// Requests of a seeded day, as a service would have recorded them at one standing of a rollout.
///
/// The router shares them out, so that propensities are those that were drawn from. Endless:
/// whoever asks says how many.
package struct GeneratedTraffic: Sendable {
  private let rules: RouteTable
  private let traffic: TrafficModel
  private let truths: [ModelName: ModelTruth]
  private let begin: Int64
  /// The share of requests that are shadowed although the candidate answers some itself.
  private let pairShare: Double
  private var draws: Draws
  private var seconds = 0.0
  private var number = 0

  /// - Parameters:
  ///   - share: of the requests that the candidate answers; 0 has it shadow
  ///   - pairShare: of the requests that are asked of the candidate aside
  ///   - begin: milliseconds since 1970
  ///   - unit: what stays on one model
  package init(
    _ names: SimulatedNames, seed: UInt64, share: Share, pairShare: Double = 0,
    incumbent: ModelTruth = ModelTruth(), candidate: ModelTruth = ModelTruth(),
    traffic: TrafficModel = TrafficModel(), unit: UnitKind = .user,
    begin: Int64 = 1_700_000_000_000
  ) {
    var rules = RouteTable(route: names.route, incumbent: names.incumbent)
    rules.rollout = RolloutPosition(rollout: names.rollout, digest: "recorded", step: 0, run: 1)
    rules.salt = "recorded"
    rules.unit = unit
    rules.serving = [
      WeightedModel(model: names.incumbent, share: share.complement),
      WeightedModel(model: names.candidate, share: share),
    ]
    rules.shadows = [ShadowRule(model: names.candidate, traffic: ShadowTraffic())]
    self.rules = rules
    (self.traffic, self.pairShare, self.begin) = (traffic, pairShare, begin)
    truths = [names.incumbent: incumbent, names.candidate: candidate]
    draws = Draws(seed: seed, scenario: "recorded", run: 0)
  }

  /// The next request, with a pair if it was shadowed.
  package mutating func next() -> (outcome: Outcome, comparison: Comparison?) {
    number += 1
    seconds -= log(1 - draws.uniform()) / max(traffic.requestsPerSecond, 1e-9)
    let hours = seconds / 3_600
    // Squared, so that a tenth of the users makes a third of the requests.
    let draw = draws.uniform()
    let id = "r\(number)"
    let unit = AssignmentUnit(
      id: rules.unit == .request ? id : "user-\(Int(draw * draw * Double(traffic.users)))")
    let route = Router.route(unit, requestID: id, in: rules)
    let place = Assignment(
      route: rules.route, rollout: rules.rollout,
      unitHash: StableHash.hash(salt: "recorded/unit", unit: unit.id),
      propensity: route.propensity, atMilliseconds: begin + Int64(seconds * 1_000))
    let prompt = draws.normal()
    let answer = traffic.answer(
      of: truths[route.serving] ?? ModelTruth(), at: hours, prompt: prompt, &draws)
    let outcome = Outcome(
      requestID: id, assignment: place, model: route.serving, measurements: answer)
    guard route.serving == rules.incumbent, draws.chance(pairShare),
      let candidate = route.shadows.first?.model, let truth = truths[candidate]
    else { return (outcome, nil) }
    let shadow = traffic.answer(of: truth, at: hours, prompt: prompt, &draws)
    let isWhole = answer.failure == nil && shadow.failure == nil
    let width = min(truth.agreement, 1 - truth.agreement)
    let agreement = truth.agreement + width * (2 * draws.uniform() - 1)
    return (
      outcome,
      Comparison(
        requestID: id, assignment: place, incumbent: rules.incumbent, candidate: candidate,
        incumbentMeasurements: answer, candidateMeasurements: shadow,
        tokenAgreement: isWhole ? agreement : nil, prefixAgreement: isWhole ? agreement : nil)
    )
  }
}
