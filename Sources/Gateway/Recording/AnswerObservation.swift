import Backends
import Experimentation
import OpenAIAPI
import Quality

/// A whole answer as its measurer saw it: what a shadow leaves behind, good or bad.
struct AnswerObservation: Sendable {
  var measurements: Measurements
  /// The text of the first choice; empty when there is no whole answer.
  var text: String
  /// What checks look at; `nil` when there is no whole answer.
  var checked: CheckedAnswer?
  /// What the model ranked first along the text it was asked to read beside, if it could say.
  var topAlong: [Int32]?

  /// Asks `backend`, reads the answer to its end, and never throws: a failure is an observation.
  static func observe(_ call: Call, of backend: any Backend) async -> AnswerObservation {
    let start = ContinuousClock.now
    do {
      let collector = try await Patience(until: call.deadline).run {
        let answer = try await backend.answer(call)
        var collector = AnswerCollector(id: call.requestID, created: 0, model: "")
        for try await event in answer.events { try collector.take(event) }
        try collector.checkIsWhole()
        return collector
      }
      return AnswerObservation(
        measurements: Measurements(collector, elapsed: start.duration(to: .now).seconds),
        text: collector.text, checked: CheckedAnswer(collector.completion),
        topAlong: collector.summary?.topAlong)
    } catch is DeadlineExceeded {
      // The backend keeps limits of its own, and blames the model when they are passed. This one is
      // the service's: it had no time for a shadow behind its live work.
      return AnswerObservation(
        measurements: Measurements(
          totalSeconds: start.duration(to: .now).seconds, failure: .overloaded),
        text: "", topAlong: nil)
    } catch {
      return AnswerObservation(
        measurements: Measurements(
          totalSeconds: start.duration(to: .now).seconds, failure: FailureClass(error)),
        text: "", topAlong: nil)
    }
  }
}

extension AnswerCollector {
  /// Call it where the events end: they do so too when the task that pulls them is cancelled.
  ///
  /// - Throws: `CancellationError` then, `BackendError` of `malformed` when the backend ended
  ///   without saying so
  func checkIsWhole() throws {
    guard summary == nil else { return }
    try Task.checkCancellation()
    throw BackendError(
      .malformed, .badGateway("The answer ended without its end.", code: "malformed"))
  }
}

extension FailureClass {
  /// What kind of failure an error of an answer is.
  init(_ error: any Error) {
    switch error {
    case let error as BackendError: self = error.failure
    case is CancellationError, is ShutdownReached: self = .cancelled
    case is DeadlineExceeded: self = .deadlineExceeded
    default: self = .unavailable
    }
  }
}

extension Measurements {
  /// What an answer took. One that is not whole is `malformed`, and took `elapsed` seconds.
  init(_ collector: AnswerCollector, elapsed: Double) {
    guard let summary = collector.summary else {
      self.init(totalSeconds: elapsed, failure: .malformed)
      return
    }
    self.init(
      summary, finishReason: collector.finishReason?.rawValue, failure: nil)
  }

  /// What an answer took, by what its backend told at the end.
  init(_ summary: AnswerSummary, finishReason: String?, failure: FailureClass?) {
    self.init(
      queueSeconds: summary.timing.queue,
      timeToFirstTokenSeconds: summary.timing.firstToken,
      timePerOutputTokenSeconds: summary.timing.perOutputToken,
      totalSeconds: summary.timing.total,
      promptTokens: summary.usage?.promptTokens,
      outputTokens: summary.usage?.completionTokens,
      cachedPromptTokens: summary.usage?.cachedPromptTokens,
      finishReason: finishReason, failure: failure)
    revision = summary.revision
    cost = summary.cost
  }
}
