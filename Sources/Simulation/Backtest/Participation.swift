import Experimentation
import Routing

/// Which recorded requests take part in the rollout that a backtest is about.
///
/// What took part when it was recorded takes part again: it had what the policy's `match` asks for,
/// whether or not its row still says so, and its unit is one of the policy's part of its layer.
/// Drawn a second time, by the hash that is left of the unit, most of them would not be.
struct Participation: Sendable {
  /// Places of the rollout itself among the positions of the trace.
  private let own: Set<Int32>
  /// Requests that were left out for want of a recorded label or header.
  private(set) var unmatched = 0
  /// Requests of which the recorded hash decides whether they are within the layer.
  private(set) var drawn = 0

  init(in rollout: RolloutName, of trace: Trace) {
    own = Set(
      trace.positions.indices.filter { trace.positions[$0].rollout == rollout.text }
        .map(Int32.init))
  }

  /// The rules for `request`: `whole` where it takes part, else the incumbent alone.
  mutating func rules(
    for request: Trace.Request, of trace: Trace, by whole: RouteTable
  ) -> RouteTable {
    if own.contains(request.position) {
      var rules = whole
      (rules.match, rules.layer) = (nil, nil)
      return rules
    }
    let labels = trace.labels[Int(request.labels)]
    let rules = whole.rules(
      labels: labels, headerValue: { labels[RequestHeader.labelPrefix + $0] })
    if whole.rollout != nil, rules.rollout == nil { unmatched += 1 }
    if rules.layer != nil { drawn += 1 }
    return rules
  }

  /// What is to be known of requests that were left out, in sentences.
  var notes: [String] {
    var notes: [String] = []
    if unmatched > 0 {
      notes.append(
        "\(unmatched) requests take no part: their rows have no label or header that 'match' asks "
          + "for; rows keep those that the rollout which recorded them names")
    }
    if drawn > 0 {
      notes.append(
        "which of \(drawn) requests are within the layer is drawn from the hashes of their units: "
          + "as many as would be, not the same ones")
    }
    return notes
  }
}
