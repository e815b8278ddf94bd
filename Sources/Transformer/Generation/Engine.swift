package import Tensors

/// Generates and scores text with any number of model variants, on threads of its own.
///
///     let engine = try Engine()
///     for try await event in try engine.generate(request, on: variant) { … }
///
/// Work is cut into quanta: one chunk of at most 256 prompt tokens, or one decode step that all
/// running sequences of the same weights share, whatever their attention. Chunks and steps of one
/// priority take turns; shadow jobs run only while no live one does, so that a live request waits
/// for at most one quantum of shadow work. An answer is the same alone and in company. Everything
/// is bounded: jobs running, jobs waiting, bytes of KV cache. Dropping a stream, or cancelling the
/// task that reads it, ends the job after the quantum it is in.
package final class Engine: Sendable {
  /// What a deployment decides; the same for all variants, so that they differ by their attention
  /// alone.
  package struct Configuration: Sendable {
    /// At least 1.
    package var threads: Int = ComputeThread.processorCount
    /// Exact by default: 8-bit activations are faster, but change what a small model says.
    package var mode: NumericMode = .float32
    package var kernels: Kernels = .fastest
    /// How keys and values are kept.
    package var cacheFormat: CacheFormat = .f16
    /// Bytes that all KV caches may take together.
    package var cacheBytes: Int = 2 << 30
    /// The share of `cacheBytes` that shadow jobs may take, 0…1.
    package var shadowCacheShare: Double = 0.5
    /// Whether keys and values of finished texts stay, as long as nobody needs the memory, for
    /// requests that begin with the same tokens. Who can time answers can find out that way whether
    /// somebody asked something that begins alike.
    package var keepsPrefixes = true
    /// Jobs that take turns, and jobs that wait for a place; more are refused.
    package var runningLive: Int = 8
    package var waitingLive: Int = 64
    package var runningShadow: Int = 2
    package var waitingShadow: Int = 64

    package init() {}

    /// Jobs of a priority that there is room for at once, those that wait included.
    package func jobLimit(_ priority: Priority) -> Int {
      switch priority {
      case .live: runningLive + waitingLive
      case .shadow: runningShadow + waitingShadow
      }
    }
  }

  /// How busy the engine is.
  package struct Load: Hashable, Sendable {
    package let runningLive: Int
    package let waitingLive: Int
    package let runningShadow: Int
    package let waitingShadow: Int
    /// Bytes of KV cache that running requests hold.
    package let cacheBytes: Int
    /// Bytes of KV cache kept for requests to come; they go when a running one needs them.
    package let prefixBytes: Int
  }

  package let configuration: Configuration
  let pool: WorkerPool
  let budget: CacheBudget
  private let prefixes: PrefixCache?

  /// Whether positions that were written have the bits that reading them would give: not where
  /// matrix units read. A prompt that goes on from an answer then reads the answer again.
  var keepsWritten: Bool {
    let (kernels, mode) = (configuration.kernels, configuration.mode)
    return kernels.form(of: mode, isPrefill: true) == kernels.form(of: mode, isPrefill: false)
  }

  private let threads: [ComputeThread]

  /// Starts the threads.
  ///
  /// - Throws: `invalidRequest` for bounds without meaning, `overloaded` if the system has no more
  ///   threads.
  package init(_ configuration: Configuration = Configuration()) throws(TransformerError) {
    guard configuration.threads >= 1, configuration.runningLive >= 1,
      configuration.runningShadow >= 1, configuration.waitingLive >= 0,
      configuration.waitingShadow >= 0, configuration.cacheBytes > 0
    else {
      throw TransformerError(
        .invalidRequest, "an engine needs at least one thread, one running job and one byte")
    }
    self.configuration = configuration
    let pool = WorkerPool(
      scheduler: Scheduler(
        live: .init(running: configuration.runningLive, waiting: configuration.waitingLive),
        shadow: .init(running: configuration.runningShadow, waiting: configuration.waitingShadow)))
    self.pool = pool
    budget = CacheBudget(
      limitBytes: configuration.cacheBytes, shadowShare: configuration.shadowCacheShare)
    prefixes = configuration.keepsPrefixes ? PrefixCache() : nil
    let count = configuration.threads
    let yardstick = Yardstick()
    threads = (0..<count).compactMap { lane in
      ComputeThread {
        pool.work(
          Executor(
            kernels: configuration.kernels, mode: configuration.mode, lane: lane, lanes: count,
            yardstick: yardstick))
      }
    }
    // Nothing to clean up here: the engine is whole, and `deinit` stops the threads there are.
    guard threads.count == count else {
      throw TransformerError(.overloaded, "the system gave \(threads.count) of \(count) threads")
    }
  }

  deinit {
    pool.stop()
    for thread in threads { thread.join() }
  }

  /// How busy the engine is now.
  package var load: Load {
    let live = pool.counts(.live)
    let shadow = pool.counts(.shadow)
    let idle = prefixes?.idleBytes ?? 0
    return Load(
      runningLive: live.running, waitingLive: live.waiting, runningShadow: shadow.running,
      waitingShadow: shadow.waiting, cacheBytes: max(0, budget.usedBytes - idle), prefixBytes: idle)
  }

  /// Continues a prompt.
  ///
  /// - Returns: the events, buffered until read; at most three more than the answer has tokens.
  ///   Throws `cacheFull`, `notANumber` or `cancelled` while it is read.
  /// - Throws: `invalidRequest`, `promptTooLong`, `cacheFull` if the prompt alone can never fit, or
  ///   `overloaded` if the queue is full. Nothing was started then.
  package func generate(
    _ request: GenerationRequest, on variant: ModelVariant
  ) throws(TransformerError) -> AsyncThrowingStream<GenerationEvent, any Error> {
    try check(request.prompt, "prompt", variant)
    if !request.along.isEmpty { try check(request.along, "text to read along", variant) }
    try checkBiases(request.sampling, variant)
    let room = variant.contextLength - request.prompt.count
    guard room >= 1 else { throw tooLong(request.prompt.count, variant) }
    var request = request
    // A text that this model cannot read to its end is no reason to refuse the answer.
    if request.along.count > room { request.along = [] }
    let answerLimit = min(request.maximumTokens ?? room, room)
    guard answerLimit >= 1 else {
      throw TransformerError(.invalidRequest, "an answer of \(answerLimit) tokens; ask for 1")
    }
    let cache = try emptyCache(variant, request.priority, length: request.prompt.count)
    let (stream, continuation) = AsyncThrowingStream<GenerationEvent, any Error>.makeStream(
      bufferingPolicy: .bufferingOldest(answerLimit + 3))
    let job = GenerationJob(
      request, variant: variant, answerLimit: answerLimit, cache: cache,
      prefixes: variant.turnsKeys ? nil : prefixes, keepsWritten: keepsWritten,
      continuation: continuation, submitted: .now)
    continuation.onTermination = { [pool] _ in pool.cancel(job) }
    try pool.submit(job)
    return stream
  }

  // MARK: Checks

  func check(
    _ tokens: [Token], _ name: String, _ variant: ModelVariant
  ) throws(TransformerError) {
    guard !tokens.isEmpty else {
      throw TransformerError(.invalidRequest, "the \(name) is empty; give at least one token")
    }
    let size = variant.weights.parameters.vocabularySize
    guard let stranger = tokens.first(where: { !(0..<size).contains(Int($0)) }) else { return }
    throw TransformerError(
      .invalidRequest, "the \(name) has token \(stranger); '\(variant.name)' knows 0 to \(size - 1)"
    )
  }

  private func checkBiases(
    _ sampling: SamplingOptions, _ variant: ModelVariant
  ) throws(TransformerError) {
    let size = variant.weights.parameters.vocabularySize
    guard let stranger = sampling.logitBias.keys.first(where: { Int($0) >= size }) else { return }
    throw TransformerError(
      .invalidRequest,
      "logit_bias names token \(stranger); '\(variant.name)' knows 0 to \(size - 1)")
  }

  func tooLong(_ count: Int, _ variant: ModelVariant) -> TransformerError {
    TransformerError(
      .promptTooLong,
      "\(count) tokens leave no room in the context of '\(variant.name)', which has "
        + "\(variant.contextLength); shorten the text")
  }

  /// A cache for a sequence that will have at least `length` positions.
  func emptyCache(
    _ variant: ModelVariant, _ priority: Priority, length: Int
  ) throws(TransformerError) -> KeyValueCache {
    let shape = KeyValuePage.Shape(variant, format: configuration.cacheFormat)
    let limit = priority == .live ? budget.limitBytes : budget.shadowLimitBytes
    let pages = variant.attention.blockLimit(length: length, chunk: Workspace.chunkLimit)
    guard pages * shape.byteCount <= limit else {
      throw TransformerError(
        .cacheFull,
        "\(length) tokens need \(pages * shape.byteCount) bytes of KV cache; \(priority) requests "
          + "may use \(limit); shorten the text or give the engine more cache")
    }
    return KeyValueCache(shape, budget: budget, priority: priority, prefixes: prefixes)
  }
}
