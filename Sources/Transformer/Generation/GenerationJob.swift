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
    sampler = Sampler(request.sampling)
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
    let isPrefill = prefilled < request.prompt.count
    let pass = try executor.pass(variant)
    let sampled = isPrefill ? try prefill(pass) : try decode(pass)
    let end = ContinuousClock.now
    if isPrefill {
      timings.prefillSeconds += (end - begin).seconds
    } else {
      timings.decodeSeconds += (end - begin).seconds
    }
    guard let sampled else { return false }
    return emit(sampled, at: end)
  }

  func complete() {
    if let result { continuation.yield(.finished(result)) }
    continuation.finish()
  }

  func fail(_ error: TransformerError) {
    cache.removeAll()
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

  /// Tells the consumer of a token; returns whether the answer is complete.
  private func emit(_ sampled: SampledToken, at now: ContinuousClock.Instant) -> Bool {
    if request.stopTokens.contains(sampled.token) {
      finish(.stop, at: now)
      return true
    }
    lastToken = sampled.token
    answered += 1
    continuation.yield(.token(sampled))
    guard answered == answerLimit else { return false }
    finish(.length, at: now)
    return true
  }

  private func finish(_ reason: GenerationResult.Reason, at now: ContinuousClock.Instant) {
    cache.removeAll()
    timings.interleavedSeconds = max(
      0, stopwatch.elapsedSeconds(at: now) - timings.computeSeconds)
    result = GenerationResult(
      reason: reason, promptTokens: request.prompt.count, answerTokens: answered, timings: timings)
  }
}
