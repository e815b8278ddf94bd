import Backends
import Experimentation
import Logging
import OpenAIAPI
import Quality
import Routing

/// Both models' reading of the incumbent's answer, after the candidate's own is known.
struct DistanceReading {
  /// `nil` where nobody asked, or where it cannot be told.
  var distance: DistributionDistance?
  /// What it cost; of a reading that failed about what it would have.
  var tokens = 0

  /// Has the answer read where the policy asks for what only that tells. A failure is none of the
  /// answer's.
  ///
  /// - Parameter lacksAgreement: whether the agreement of tokens is wanted, and did not come with
  ///   the candidate's own answer
  static func take(
    of candidate: any Backend, in job: ShadowJob, lacksAgreement: Bool,
    _ backends: BackendRegistry, _ logger: Logger, deadline: ContinuousClock.Instant
  ) async -> DistanceReading {
    // What calls functions is more than a text, and how a server writes it nobody else knows.
    guard !job.scores.distributions.isEmpty || lacksAgreement, let whole = job.incumbent.whole,
      whole.calls.isEmpty, let incumbent = backends.backend(for: job.incumbent.model)
    else { return DistanceReading() }
    let answer = GivenAnswer(
      to: job.prompt, whole.text, trace: job.incumbent.trace, requestID: job.requestID,
      deadline: deadline)
    do {
      let distance = try await Patience(until: deadline).run {
        try await candidate.distance(from: incumbent, along: answer)
      }
      return DistanceReading(distance: distance, tokens: distance?.tokens ?? 0)
    } catch {
      if !(error is CancellationError) {
        logger.log(
          level: level(of: error), "distributions could not be compared",
          metadata: [
            "candidate": "\(job.rule.model)", "incumbent": "\(job.incumbent.model)",
            "error": "\(FailureClass(error).rawValue)",
            "why": "\(reason(error) ?? "-")",
          ])
      }
      return DistanceReading(tokens: 2 * (job.incumbent.measurements.tokens ?? 0))
    }
  }

  /// A server that breaks what its document promises does so every time: no value will ever come,
  /// and an operator has to know.
  static func level(of error: any Error) -> Logger.Level {
    lacksLogprobs(error) == nil ? .info : .warning
  }

  private static func lacksLogprobs(_ error: any Error) -> String? {
    guard let error = error as? BackendError,
      error.apiError.code == UpstreamBackend.lacksLogprobs
    else { return nil }
    return error.apiError.message
  }

  /// A word of our own for what a server made of a text; what a server says may quote the prompt.
  static func reason(_ error: any Error) -> String? {
    // Names the server's model, and quotes nobody.
    if let sentence = lacksLogprobs(error) { return sentence }
    guard let error = error as? BackendError, error.failure == .malformed else { return nil }
    return error.apiError.code
  }
}

extension Measurements {
  /// Prompt and answer together, or `nil` when they were not counted.
  var tokens: Int? {
    promptTokens.flatMap { prompt in outputTokens.map { prompt + $0 } }
  }
}
