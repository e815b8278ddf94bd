import Tensors

/// A text read by several variants side by side, whose distributions are compared.
///
/// For each chunk of the text every variant takes its turn, and its rows of the residual stream
/// (`width` floats each) are kept. Then their logits (`vocabularySize` floats) are made and
/// compared a few rows at a time, so that a text of any length needs no more than
/// 2 · `Workspace.logitRows` rows of them.
///
/// Sendable unchecked for the reason that `GenerationJob` gives.
final class ComparisonJob: Job, @unchecked Sendable {
  typealias Continuation = AsyncThrowingStream<TextComparison, any Error>.Continuation

  /// A variant and how far it has read.
  struct Reader {
    let variant: ModelVariant
    var cache: KeyValueCache
    /// [chunk, width]: what it made of the chunk at hand.
    fileprivate var stream: [Float] = []

    init(variant: ModelVariant, cache: KeyValueCache) {
      self.variant = variant
      self.cache = cache
    }
  }

  /// Rows that one quantum compares, so that it takes no longer than a chunk of reading.
  private static let rowsPerQuantum = 4 * Workspace.logitRows

  let priority: Priority
  private let text: [Token]
  private let firstScored: Int
  private let continuation: Continuation
  /// The reference first.
  private var readers: [Reader]
  /// Tokens that every variant has read, and all whose distributions are wanted are compared.
  private var done = 0
  /// Whose turn it is to read the chunk at hand; `readers.count` when all have.
  private var turn = 0
  /// The next row of the chunk at hand to be compared.
  private var row = 0
  /// The reference's logits of the rows at hand.
  private var memory: Memory?
  private var reference: [Double] = []
  private var candidates: [[TextComparison.TokenDivergence]]
  private var stopwatch: Stopwatch
  private var timings = GenerationTimings()

  /// - Parameters:
  ///   - text: at least two tokens
  ///   - firstScored: the place of the first token whose distribution is wanted, at least 1
  ///   - readers: the reference, then the candidates, all with the same weights
  init(
    _ text: [Token], scoringFrom firstScored: Int, readers: [Reader], priority: Priority,
    continuation: Continuation, submitted: ContinuousClock.Instant
  ) {
    self.text = text
    self.firstScored = firstScored
    self.readers = readers
    self.priority = priority
    self.continuation = continuation
    candidates = [[TextComparison.TokenDivergence]](repeating: [], count: readers.count - 1)
    stopwatch = Stopwatch(submitted: submitted)
  }

  /// What all variants can read at once. The last token predicts nothing that is asked for.
  private var chunk: ArraySlice<Token> {
    let rest = text[done..<text.count - 1]
    let limit = min(rest.count, Workspace.chunkLimit)
    return rest.prefix(
      readers.map { $0.variant.rotary.run(from: done, upTo: limit) }.min() ?? limit)
  }

  func runQuantum(_ executor: Executor) throws(TransformerError) -> Turn? {
    let begin = ContinuousClock.now
    if let queueSeconds = stopwatch.start(at: begin) { timings.queueSeconds = queueSeconds }
    if turn < readers.count {
      try read(executor)
    } else {
      try compare(executor)
    }
    let end = ContinuousClock.now
    timings.prefillSeconds += (end - begin).seconds
    guard done == text.count - 1 else { return .chunk }
    timings.interleavedSeconds = max(
      0, stopwatch.elapsedSeconds(at: end) - timings.computeSeconds)
    releaseCache()
    return nil
  }

  /// Lets the next variant read the chunk at hand.
  private func read(_ executor: Executor) throws(TransformerError) {
    let variant = readers[turn].variant
    let pass = try executor.pass(variant.weights, isPrefill: true)
    try pass.run(chunk, of: variant, cache: &readers[turn].cache)
    let count = chunk.count * pass.weights.parameters.width
    readers[turn].stream.removeAll(keepingCapacity: true)
    readers[turn].stream.append(
      contentsOf: UnsafeBufferPointer(start: pass.workspace.stream, count: count))
    turn += 1
    guard turn == readers.count else { return }
    // A row predicts the token after its own.
    row = max(0, firstScored - 1 - done)
    if row >= chunk.count { finishChunk() }
  }

  private func finishChunk() {
    done += chunk.count
    turn = 0
  }

  /// Compares the next rows of the chunk at hand.
  private func compare(_ executor: Executor) throws(TransformerError) {
    let end = min(row + Self.rowsPerQuantum, chunk.count)
    while row < end {
      let rows = row..<min(row + Workspace.logitRows, end)
      try compare(rows, executor)
      row = rows.upperBound
    }
    if row == chunk.count { finishChunk() }
  }

  /// - Parameter rows: of the chunk, at most `Workspace.logitRows`
  private func compare(_ rows: Range<Int>, _ executor: Executor) throws(TransformerError) {
    let tokens = rows.map { text[done + $0 + 1] }
    let pass = try computeLogits(of: 0, rows, executor)
    let kept = try keepLogits(pass, rows: rows.count)
    let references = try distributions(pass, kept)
    for (token, distribution) in zip(tokens, references) {
      reference.append(distribution.logProbability(of: token))
    }
    for candidate in candidates.indices {
      let pass = try computeLogits(of: candidate + 1, rows, executor)
      let others = try distributions(pass, (0..<rows.count).map(pass.workspace.logits(row:)))
      candidates[candidate] += Self.onAll(rows.count, pass) { index in
        TextComparison.TokenDivergence(
          logProbability: others[index].logProbability(of: tokens[index]),
          divergence: references[index].divergence(to: others[index]),
          hasSameTop: references[index].top == others[index].top)
      }
    }
  }

  private func computeLogits(
    of reader: Int, _ rows: Range<Int>, _ executor: Executor
  ) throws(TransformerError) -> ForwardPass {
    let pass = try executor.pass(readers[reader].variant.weights, isPrefill: true)
    let width = pass.weights.parameters.width
    readers[reader].stream.withUnsafeBufferPointer { stream in
      guard let start = stream.baseAddress else { return }
      pass.computeLogits(of: start + rows.lowerBound * width, rows: rows.count)
    }
    return pass
  }

  /// Copies the workspace's logits, which the next variant's will take the place of.
  ///
  /// - Returns: one buffer for each row, good until the next call
  private func keepLogits(
    _ pass: ForwardPass, rows: Int
  ) throws(TransformerError) -> [UnsafeMutableBufferPointer<Float>] {
    let size = pass.weights.parameters.vocabularySize
    let count = Workspace.logitRows * size
    if memory == nil { memory = Memory(byteCount: count * MemoryLayout<Float>.stride) }
    guard let memory else {
      throw TransformerError(.overloaded, "the system has no memory for \(count) logits")
    }
    let start = memory.base.bindMemory(to: Float.self, capacity: count)
    return (0..<rows).map { row in
      let copy = UnsafeMutableBufferPointer(start: start + row * size, count: size)
      _ = copy.update(fromContentsOf: pass.workspace.logits(row: row))
      return copy
    }
  }

  private func distributions(
    _ pass: ForwardPass, _ logits: [UnsafeMutableBufferPointer<Float>]
  ) throws(TransformerError) -> [NextTokenDistribution] {
    let all = Self.onAll(logits.count, pass) { NextTokenDistribution(logits[$0]) }
    let sound = all.compactMap { $0 }
    guard sound.count == all.count else {
      throw TransformerError(
        .notANumber, "a logit is not a number; the weights or the attention are broken")
    }
    return sound
  }

  /// `body` of 0 ..< count, on whoever helps.
  private static func onAll<Value>(
    _ count: Int, _ pass: ForwardPass, _ body: (Int) -> Value
  ) -> [Value] {
    var values = [Value?](repeating: nil, count: count)
    values.withUnsafeMutableBufferPointer { values in
      pass.forEach(count, grain: 1) { range, _ in
        for index in range { values[index] = body(index) }
      }
    }
    return values.compactMap { $0 }
  }

  func complete() {
    continuation.yield(
      TextComparison(
        tokens: Array(text[firstScored...]), reference: reference, candidates: candidates,
        timings: timings))
    continuation.finish()
  }

  func releaseCache() {
    for index in readers.indices { readers[index].cache.removeAll() }
  }

  func fail(_ error: TransformerError) {
    continuation.finish(throwing: error)
  }
}
