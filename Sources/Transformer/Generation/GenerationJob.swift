import Tensors

/// One answer being generated.
///
/// Sendable unchecked because its state is used by one worker at a time: the scheduler gives a job
/// to a worker and gets it back, both under its lock.
final class GenerationJob: Job, @unchecked Sendable {
  typealias Continuation = AsyncThrowingStream<GenerationEvent, any Error>.Continuation

  let priority: Priority
  private let request: GenerationRequest
  private let variant: ModelVariant
  /// Tokens that the answer may have.
  private let answerLimit: Int
  private let continuation: Continuation
  private var cache: KeyValueCache
  private var sampler: Sampler
  private var prefilled = 0
  private var answered = 0
  private var lastToken: Token = 0
  private var stopwatch: Stopwatch
  private var timings = GenerationTimings()
  private var reading: SideReading?
  /// Why the answer is complete; the job may still be reading then.
  private var ending: GenerationResult.Reason?
  private var result: GenerationResult?

  /// - Parameters:
  ///   - request: checked against `variant`
  ///   - answerLimit: at least 1
  init(
    _ request: GenerationRequest, variant: ModelVariant, answerLimit: Int, cache: KeyValueCache,
    continuation: Continuation, submitted: ContinuousClock.Instant
  ) {
    priority = request.priority
    self.request = request
    self.variant = variant
    self.answerLimit = answerLimit
    self.cache = cache
    self.continuation = continuation
    sampler = Sampler(request.sampling, constraint: request.constraint)
    sampler.observe(prompt: request.prompt)
    stopwatch = Stopwatch(submitted: submitted)
  }

  func runQuantum(_ executor: Executor) throws(TransformerError) -> Bool {
    let begin = ContinuousClock.now
    if let queueSeconds = stopwatch.start(at: begin) {
      timings.queueSeconds = queueSeconds
      continuation.yield(
        .started(promptTokens: request.prompt.count, queueSeconds: queueSeconds))
    }
    let pass = try executor.pass(variant)
    if prefilled < request.prompt.count {
      let sampled = try prefill(pass)
      timings.prefillSeconds += (.now - begin).seconds
      guard let sampled else { return false }
      ending = emit(sampled)
      if let reading = SideReading(request.along, after: cache, pass) { note(reading) }
    } else if var reading {
      // Somebody else's text: its time is not this answer's, and neither are its failures.
      self.reading = nil
      do throws(TransformerError) {
        try reading.read(pass)
        note(reading)
      } catch {}
    } else {
      let sampled = try decode(pass)
      timings.decodeSeconds += (.now - begin).seconds
      ending = emit(sampled)
    }
    guard let ending, reading == nil else { return false }
    finish(ending, at: .now)
    return true
  }

  /// Goes on with a reading at the next quantum, or tells what came of it.
  private func note(_ reading: SideReading) {
    self.reading = reading.isComplete ? nil : reading
    if reading.isComplete { continuation.yield(.readAlong(top: reading.top)) }
  }

  func complete() {
    if let result { continuation.yield(.finished(result)) }
    continuation.finish()
  }

  func releaseCache() {
    cache.removeAll()
    reading = nil
  }

  func fail(_ error: TransformerError) {
    continuation.finish(throwing: error)
  }

  /// Reads the next chunk of the prompt; draws the first token after the last one.
  private func prefill(_ pass: ForwardPass) throws(TransformerError) -> SampledToken? {
    let chunk = request.prompt[prefilled...].prefix(Workspace.chunkLimit)
    try pass.run(chunk, cache: &cache)
    prefilled += chunk.count
    return prefilled == request.prompt.count ? try draw(pass, row: chunk.count - 1) : nil
  }

  private func decode(_ pass: ForwardPass) throws(TransformerError) -> SampledToken {
    try pass.run([lastToken], cache: &cache)
    return try draw(pass, row: 0)
  }

  private func draw(_ pass: ForwardPass, row: Int) throws(TransformerError) -> SampledToken {
    pass.computeLogits(rows: row..<row + 1)
    return try sampler.sample(logits: pass.workspace.logits(row: 0))
  }

  /// Tells the consumer of a token; returns why the answer is complete, or `nil` when it is not.
  private func emit(_ sampled: SampledToken) -> GenerationResult.Reason? {
    if request.stopTokens.contains(sampled.token) { return .stop }
    lastToken = sampled.token
    answered += 1
    continuation.yield(.token(sampled, timings: timings))
    return answered == answerLimit ? .length : nil
  }

  private func finish(_ reason: GenerationResult.Reason, at now: ContinuousClock.Instant) {
    cache.removeAll()
    timings.interleavedSeconds = max(
      0, stopwatch.elapsedSeconds(at: now) - timings.computeSeconds)
    result = GenerationResult(
      reason: reason, promptTokens: request.prompt.count, answerTokens: answered,
      timings: timings)
  }
}
