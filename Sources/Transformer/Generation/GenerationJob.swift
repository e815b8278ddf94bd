import Tensors

/// One answer being generated.
///
/// Sendable unchecked because its state is used by one worker at a time: the scheduler gives a job
/// to a worker and gets it back, both under its lock.
final class GenerationJob: SteppingJob, @unchecked Sendable {
  typealias Continuation = AsyncThrowingStream<GenerationEvent, any Error>.Continuation

  let priority: Priority
  private let request: GenerationRequest
  private let variant: ModelVariant
  /// Tokens that the answer may have.
  private let answerLimit: Int
  private let continuation: Continuation
  private var cache: KeyValueCache
  /// Where texts are kept for requests that begin alike; `nil` where none are.
  private let prefixes: PrefixCache?
  /// Positions whose pages may be kept: all, or those of the prompt.
  private let keptLimit: Int
  /// What the cache's positions hold, the last drawn token included.
  private var text: [Token]
  private var times = PageTimes()
  private var cachedTokens = 0
  private var sampler: Sampler
  private var prefilled = 0
  private var answered = 0
  private var lastToken: Token = 0
  /// Of a step under way.
  private var drawn: Result<SampledToken, TransformerError>?
  private var drawSeconds = 0.0
  private var stopwatch: Stopwatch
  private var timings = GenerationTimings()
  private var reading: SideReading?
  /// Why the answer is complete; the job may still be reading then.
  private var ending: GenerationResult.Reason?
  private var result: GenerationResult?

  /// - Parameters:
  ///   - request: checked against `variant`
  ///   - answerLimit: at least 1
  ///   - prefixes: where to look for the prompt's beginning, and to keep the text
  ///   - keepsWritten: whether positions that were written are kept too: only where reading them
  ///     would give the same bits
  init(
    _ request: GenerationRequest, variant: ModelVariant, answerLimit: Int, cache: KeyValueCache,
    prefixes: PrefixCache?, keepsWritten: Bool, continuation: Continuation,
    submitted: ContinuousClock.Instant
  ) {
    priority = request.priority
    self.request = request
    self.variant = variant
    self.answerLimit = answerLimit
    self.cache = cache
    self.prefixes = prefixes
    keptLimit = keepsWritten ? .max : request.prompt.count
    text = request.prompt
    self.continuation = continuation
    sampler = Sampler(request.sampling, constraint: request.constraint)
    sampler.observe(prompt: request.prompt)
    stopwatch = Stopwatch(submitted: submitted)
  }

  var weights: Weights { variant.weights }

  func runQuantum(_ executor: Executor) throws(TransformerError) -> Turn? {
    let begin = ContinuousClock.now
    if let queueSeconds = stopwatch.start(at: begin) {
      timings.queueSeconds = queueSeconds
      beginWithPrefix()
      continuation.yield(
        .started(
          promptTokens: request.prompt.count, cachedTokens: cachedTokens,
          queueSeconds: queueSeconds))
    }
    let pass = try executor.pass(variant.weights, isPrefill: true)
    if prefilled < request.prompt.count {
      let first = prefilled
      let sampled = try prefill(pass)
      let seconds = (.now - begin).seconds
      timings.prefillSeconds += seconds
      times.add(seconds, positions: prefilled - first)
      keepPrefix()
      guard let sampled else { return .chunk }
      ending = emit(sampled)
      if let reading = SideReading(request.along, variant, after: cache, pass) { note(reading) }
    } else if var reading {
      // Somebody else's text: its time is not this answer's, and neither are its failures.
      self.reading = nil
      do throws(TransformerError) {
        try reading.read(pass)
        note(reading)
      } catch {}
    }
    return nextTurn()
  }

  func beginStep(_ pass: ForwardPass) throws(TransformerError) -> SequenceRows {
    try pass.prepare(&cache, of: variant, for: 1)
    return SequenceRows([lastToken], of: variant, after: cache)
  }

  func draw(from logits: UnsafeMutableBufferPointer<Float>) {
    let begin = ContinuousClock.now
    drawn = Result { () throws(TransformerError) in try sampler.sample(logits: logits) }
    drawSeconds = (.now - begin).seconds
  }

  func endStep(seconds: Double) throws(TransformerError) -> Turn? {
    cache.advance(by: 1)
    // Before the window moves on: whoever begins here looks at what this one is about to forget.
    if cache.length % KeyBlock.keyCount == 0 { keepPrefix() }
    cache.forget(variant.attention)
    timings.decodeSeconds += seconds + drawSeconds
    guard let drawn else { preconditionFailure("a step ended before its token was drawn") }
    self.drawn = nil
    ending = emit(try drawn.get())
    return nextTurn()
  }

  private func nextTurn() -> Turn? {
    if reading != nil { return .chunk }
    guard let ending else { return .step(self) }
    finish(ending, at: .now)
    return nil
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

  /// Takes over what is kept of the prompt's beginning.
  private func beginWithPrefix() {
    guard
      let prefix = prefixes?.longestPrefix(
        of: request.prompt, variant, shape: cache.shape, priority: priority)
    else { return }
    cache.begin(with: prefix)
    times = PageTimes(seconds: prefix.seconds)
    prefilled = prefix.length
    cachedTokens = prefix.length
    timings.cachedSeconds = prefix.seconds.reduce(0, +)
    timings.prefillSeconds = timings.cachedSeconds
  }

  /// Keeps the whole pages, whatever becomes of the answer: they are what computing them again
  /// would give.
  private func keepPrefix() {
    let length = min(cache.length, keptLimit)
    let count = length / KeyBlock.keyCount
    prefixes?.keep(
      Array(text.prefix(length)), variant, cache: cache, seconds: times.ofPages(count))
  }

  /// Reads the next chunk of the prompt; draws the first token after the last one.
  private func prefill(_ pass: ForwardPass) throws(TransformerError) -> SampledToken? {
    // Chunks end at whole multiples, so that they are the same with and without a cached prefix.
    let end = (prefilled / Workspace.chunkLimit + 1) * Workspace.chunkLimit
    let chunk = variant.chunk(
      request.prompt[prefilled..<min(end, request.prompt.count)], after: cache)
    try pass.run(chunk, of: variant, cache: &cache)
    prefilled += chunk.count
    guard prefilled == request.prompt.count else { return nil }
    pass.computeLogits(rows: chunk.count - 1..<chunk.count, form: pass.drawingForm)
    return try sampler.sample(logits: pass.workspace.logits(row: 0))
  }

  /// Tells the consumer of a token; returns why the answer is complete, or `nil` when it is not.
  private func emit(_ sampled: SampledToken) -> GenerationResult.Reason? {
    if request.stopTokens.contains(sampled.token) { return .stop }
    lastToken = sampled.token
    text.append(sampled.token)
    answered += 1
    continuation.yield(.token(sampled, timings: timings))
    return answered == answerLimit ? .length : nil
  }

  private func finish(_ reason: GenerationResult.Reason, at now: ContinuousClock.Instant) {
    cache.removeAll()
    timings.interleavedSeconds = max(
      0,
      stopwatch.elapsedSeconds(at: now) - timings.computeSeconds + timings.cachedSeconds)
    result = GenerationResult(
      reason: reason, promptTokens: request.prompt.count, cachedTokens: cachedTokens,
      answerTokens: answered, timings: timings)
  }
}
