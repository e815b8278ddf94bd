import Tensors

/// A text being scored: prompt and continuation are read in chunks, and the continuation's rows
/// give their distributions.
///
/// Sendable unchecked for the reason that `GenerationJob` gives.
final class ScoringJob: Job, @unchecked Sendable {
  typealias Continuation = AsyncThrowingStream<TextScore, any Error>.Continuation

  let priority: Priority
  private let text: [Token]
  private let promptCount: Int
  private let alternatives: Int?
  private let variant: ModelVariant
  private let continuation: Continuation
  private var cache: KeyValueCache
  private var read = 0
  private var scores: [TextScore.TokenScore] = []
  private var stopwatch: Stopwatch
  private var timings = GenerationTimings()

  /// - Parameters:
  ///   - prompt: at least one token
  ///   - answer: at least one token, whose scores are wanted
  ///   - alternatives: how many of the likeliest tokens to tell with each; `nil` for no ranks
  ///   either
  init(
    prompt: [Token], answer: [Token], alternatives: Int?, variant: ModelVariant,
    priority: Priority, cache: KeyValueCache, continuation: Continuation,
    submitted: ContinuousClock.Instant
  ) {
    text = prompt + answer
    promptCount = prompt.count
    self.alternatives = alternatives
    self.variant = variant
    self.priority = priority
    self.cache = cache
    self.continuation = continuation
    stopwatch = Stopwatch(submitted: submitted)
  }

  func runQuantum(_ executor: Executor) throws(TransformerError) -> Turn? {
    let begin = ContinuousClock.now
    if let queueSeconds = stopwatch.start(at: begin) { timings.queueSeconds = queueSeconds }
    let pass = try executor.pass(variant.weights, isPrefill: true)
    // The last token predicts nothing that is asked for.
    let chunk = variant.chunk(text[read..<text.count - 1], after: cache)
    try pass.run(chunk, of: variant, cache: &cache)
    try score(chunk.indices, pass)
    read += chunk.count
    let end = ContinuousClock.now
    timings.prefillSeconds += (end - begin).seconds
    guard read == text.count - 1 else { return .chunk }
    timings.interleavedSeconds = max(
      0, stopwatch.elapsedSeconds(at: end) - timings.computeSeconds)
    cache.removeAll()
    return nil
  }

  func complete() {
    continuation.yield(TextScore(tokens: scores, timings: timings))
    continuation.finish()
  }

  func releaseCache() { cache.removeAll() }

  func fail(_ error: TransformerError) {
    continuation.finish(throwing: error)
  }

  /// Scores the tokens that the positions of a chunk predict, if they belong to the continuation.
  private func score(_ positions: Range<Int>, _ pass: ForwardPass) throws(TransformerError) {
    var next = max(positions.lowerBound, promptCount - 1)
    while next < positions.upperBound {
      let last = min(next + Workspace.logitRows, positions.upperBound)
      let first = next - positions.lowerBound
      pass.computeLogits(rows: first..<first + last - next)
      for row in 0..<last - next {
        scores.append(
          try score(text[next + row + 1], pass.workspace.logits(row: row), pass.kernels))
      }
      next = last
    }
  }

  private func score(
    _ token: Token, _ logits: UnsafeMutableBufferPointer<Float>, _ kernels: Kernels
  ) throws(TransformerError) -> TextScore.TokenScore {
    let total = Double(kernels.logSumExp(UnsafeBufferPointer(logits)))
    guard total.isFinite else {
      throw TransformerError(.notANumber, "a logit is not a number; the weights may be damaged")
    }
    let best = kernels.indexOfGreatest(UnsafeBufferPointer(logits))
    let own = logits[Int(token)]
    return TextScore.TokenScore(
      token: token, logProbability: Double(own) - total, best: Token(best),
      bestLogProbability: Double(logits[best]) - total,
      rank: alternatives.map { _ in 1 + Logits.count(above: own, in: logits) },
      alternatives: Logits.heaviest(alternatives ?? 0, of: logits).map {
        .init(token: $0.token, logProbability: Double($0.value) - total)
      })
  }
}
