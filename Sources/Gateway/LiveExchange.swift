import Backends
import Experimentation
import Quality
import Routing
import Synchronization

/// One live request from its assignment to its end: ends exactly once, whatever happens.
///
/// Ending records the outcome, hands the question to the shadows and frees the request's place. A
/// request whose answer nobody sends any more (the connection broke before its body was asked for)
/// ends as cancelled when it is dropped.
final class LiveExchange: Sendable {
  let requestID: String
  let destination: Destination
  private let gateway: Gateway
  private let question: Question
  private let number: UInt64?
  private let received: ContinuousClock.Instant
  private let asked: ContinuousClock.Instant
  private let state = Mutex(State())

  private struct State {
    var hasEnded = false
    /// Seconds from asking to the first piece of a stream, with whatever it waited behind.
    var firstToken: Double?
  }

  /// Takes the number of the assignment. The caller has taken the place.
  init(
    _ question: Question, to destination: Destination, requestID: String,
    received: ContinuousClock.Instant, gateway: Gateway
  ) {
    self.question = question
    self.destination = destination
    self.requestID = requestID
    self.received = received
    self.gateway = gateway
    asked = .now
    // Nobody reads what a request outside of any rollout did: metrics count it, no row keeps it.
    number = destination.assignment.flatMap { assignment in
      assignment.rollout == nil ? nil : gateway.recorder.openOutcome(on: assignment.route)
    }
  }

  deinit { end(whileStreaming: .cancelled) }

  /// Ends with a whole answer.
  func end(with collector: AnswerCollector) {
    end(
      Measurements(collector, elapsed: asked.duration(to: .now).seconds), after: collector)
  }

  /// A piece of a stream came.
  func noteToken() {
    let now = asked.duration(to: .now).seconds
    state.withLock { $0.firstToken = $0.firstToken ?? now }
  }

  /// Ends without one.
  func end(with failure: FailureClass) {
    end(
      Measurements(totalSeconds: asked.duration(to: .now).seconds, failure: failure), after: nil)
  }

  /// Ends after some of it, perhaps: who leaves while tokens come has not waited for them in vain.
  func end(whileStreaming failure: FailureClass) {
    end(
      Measurements(
        timeToFirstTokenSeconds: state.withLock { $0.firstToken },
        totalSeconds: asked.duration(to: .now).seconds, failure: failure),
      after: nil)
  }

  /// - Parameter collector: of the whole answer, where there is one
  private func end(_ measurements: Measurements, after collector: AnswerCollector?) {
    let isFirst = state.withLock { state in
      defer { state.hasEnded = true }
      return !state.hasEnded
    }
    guard isFirst else { return }
    gateway.admission.leave()
    gateway.metrics.answered(
      destination.model, measurements, overheadSeconds: received.duration(to: asked).seconds)
    guard let assignment = destination.assignment else { return }
    // Only what somebody will look at is put together.
    let isWanted =
      measurements.failure == nil
      && !(destination.shadows.isEmpty && destination.scores.checks.isEmpty)
    let whole = isWanted ? collector.map { CheckedAnswer($0.completion) } : nil
    let answer = IncumbentAnswer(
      model: destination.model, measurements: measurements, whole: whole,
      trace: collector?.summary?.trace)
    guard let whole, !destination.scores.checks.isEmpty else {
      return leave(answer, assignment)
    }
    gateway.scorer.submit(
      AnswerScorer.Job(answer: whole, checks: destination.scores.checks) { [self] scores in
        var answer = answer
        answer.measurements.scores = scores
        leave(answer, assignment)
      })
  }

  /// Records the outcome and asks the shadows, now that all is known that will be.
  private func leave(_ answer: IncumbentAnswer, _ assignment: Assignment) {
    if let number {
      gateway.recorder.closeOutcome(
        number,
        with: Outcome(
          requestID: requestID, assignment: assignment, model: destination.model,
          measurements: answer.measurements))
    }
    shadow(answer, assignment)
  }

  /// Puts the question to the shadows, now that the answer is out: they run aside and in nobody's
  /// way.
  private func shadow(_ answer: IncumbentAnswer, _ assignment: Assignment) {
    for rule in destination.shadows
    where rule.model != destination.model || rule.controlOf != nil {
      let failure = answer.measurements.failure
      guard failure == nil || failure?.isOfModel == true else {
        gateway.metrics.shadowDropped(rule.model, .noIncumbentAnswer)
        continue
      }
      // One that is not ready is not asked, tools or none.
      let takesTools = gateway.backends.backend(for: rule.model)?.takesTools ?? true
      guard let prompt = question.forShadow(takesTools: takesTools) else {
        gateway.metrics.shadowDropped(rule.model, .notMirrorable)
        continue
      }
      guard let comparison = gateway.recorder.openComparison(with: rule.model) else {
        gateway.metrics.shadowDropped(rule.model, .noRoomForRow)
        continue
      }
      gateway.shadows.submit(
        ShadowJob(
          prompt: prompt, requestID: requestID, assignment: assignment, rule: rule,
          scores: destination.scores, incumbent: answer, comparison: comparison,
          byteCount: question.byteCount + (answer.whole?.byteCount ?? 0)))
    }
  }
}
