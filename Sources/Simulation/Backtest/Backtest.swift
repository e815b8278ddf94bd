package import Experimentation

/// What a policy would have done with recorded traffic.
package struct Backtest: Sendable {
  /// A decision, with what it was based on.
  package struct Event: Hashable, Sendable {
    /// Since the first request.
    package var seconds: Double
    package var text: String
    /// A sentence a gate.
    package var reasons: [String] = []
  }

  /// The time that the rollout spent in one step.
  package struct StepRun: Hashable, Sendable {
    /// From 0; the number of steps where only promotion is left.
    package var step: Int
    package var words: String
    package var beganSeconds: Double
    package var endedSeconds: Double
    package var requests = 0
    /// Requests that a candidate answered.
    package var candidateRequests = 0
    /// Units that met a candidate in this step, whether or not they had before.
    package var candidateUnits = 0
    /// Shadows that were asked, and those that were dropped for want of room or tokens.
    package var shadows = 0
    package var droppedShadows = 0
  }

  /// Where the answers came from.
  package struct Sources: Hashable, Sendable {
    /// Answers of the very request, to its client or as a shadow.
    package var recorded = 0
    package var paired = 0
    /// Drawn from other requests' answers: in the same band of prompt lengths, or in another.
    package var resampled = 0
    package var otherBand = 0
    /// Pairs of a shadow step: of the very request, drawn whole, or of two requests' answers.
    package var pairsRecorded = 0
    package var pairsResampled = 0
    package var pairsComposed = 0

    /// Answers to clients.
    package var answers: Int { recorded + paired + resampled + otherBand }
    /// Pairs of answers.
    package var pairs: Int { pairsRecorded + pairsResampled + pairsComposed }
  }

  package var plan: BacktestPlan
  package var events: [Event] = []
  package var steps: [StepRun] = []
  package var sources = Sources()
  /// How the rollout stands at the end; `nil` if it never began.
  package var state: RolloutState?
  /// The verdicts of the last look.
  package var gates: [GateReport] = []
  /// When the world ended, milliseconds since 1970 by the trace.
  package var endMilliseconds: Int64 = 0
  /// Until the end: since the first request.
  package var seconds: Double = 0
  /// Requests until the end, and those of them that a candidate answered.
  package var requests = 0
  package var candidateRequests = 0
  /// Units seen until the end, and those of them that a candidate answered at least once.
  package var units = 0
  package var candidateUnits = 0
  /// Requests of the trace, those after the end among them.
  package var traceRequests = 0
  /// What is to be known of how far this can be trusted, in sentences.
  package var notes: [String] = []
  package var offPolicy: [OffPolicyLine] = []

  /// Whether every step has passed.
  package var isReady: Bool {
    state.map { $0.status == .promoted || $0.step >= $0.policy.steps.count } ?? false
  }
}
