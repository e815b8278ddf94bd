import Foundation
import Tensors
import Testing

@testable import Transformer

/// The engine as its callers meet it, with a small random model on its real threads.
struct EngineTests {
  private static func variant(
    _ weights: Weights? = nil, _ attention: AttentionKind = .flash, context: Int = 512
  ) throws -> ModelVariant {
    let weights = try weights ?? EngineTinyModel().weights()
    // Random weights make no more sense within a trained context than beyond it.
    return try ModelVariant(
      name: "tiny", weights: weights, attention: attention,
      rotary: RotaryTables(RotaryTable(weights.parameters), contextLength: context))
  }

  private static func engine(
    threads: Int = 2, _ change: (inout Engine.Configuration) -> Void = { _ in }
  ) throws -> Engine {
    var configuration = Engine.Configuration()
    configuration.threads = threads
    configuration.mode = .float32
    change(&configuration)
    return try Engine(configuration)
  }

  private static let prompt: [Token] = (0..<40).map { Token($0 * 7 % 70) }

  @Test func `an answer has its events in order and its times apart`() async throws {
    let engine = try Self.engine()
    let request = GenerationRequest(prompt: Self.prompt, maximumTokens: 10)
    let answer = try await collect(engine.generate(request, on: Self.variant()))
    let result = try #require(answer.result)
    #expect(answer.promptTokens == 40)
    #expect(answer.tokens.count == 10)
    #expect(result.reason == .length && result.answerTokens == 10 && result.promptTokens == 40)
    #expect(result.timings.prefillSeconds > 0 && result.timings.decodeSeconds > 0)
    #expect(result.timings.queueSeconds >= 0 && result.timings.interleavedSeconds >= 0)
  }

  @Test func `a stop token ends the answer and is not part of it`() async throws {
    let engine = try Self.engine()
    let variant = try Self.variant()
    let request = GenerationRequest(prompt: Self.prompt, maximumTokens: 50)
    let whole = try await collect(engine.generate(request, on: variant)).tokens
    let stop = try #require(whole.dropFirst(3).first { !whole.prefix(3).contains($0) })
    var stopping = request
    stopping.stopTokens = [stop]
    let answer = try await collect(engine.generate(stopping, on: variant))
    #expect(answer.tokens == Array(whole.prefix { $0 != stop }))
    #expect(answer.result?.reason == .stop)
  }

  @Test func `an answer ends where the context does`() async throws {
    let engine = try Self.engine()
    let request = GenerationRequest(prompt: Self.prompt, maximumTokens: 1_000)
    let answer = try await collect(engine.generate(request, on: Self.variant(context: 48)))
    #expect(answer.tokens.count == 8)
    #expect(answer.result?.reason == .length)
  }

  /// What runs beside an answer must not change it, nor must the thread that computes it.
  @Test func `variants of shared weights answer together as they do alone`() async throws {
    let weights = try EngineTinyModel().weights()
    let variants = try [
      AttentionKind.flash, .dense, .slidingWindow(window: 20, sinks: 2),
    ].map { try Self.variant(weights, $0) }
    let request = GenerationRequest(prompt: Self.prompt, maximumTokens: 60)
    let single = try Self.engine(threads: 1)
    var alone: [[Token]] = []
    for variant in variants {
      alone.append(try await collect(single.generate(request, on: variant)).tokens)
    }
    let engine = try Self.engine(threads: 3)
    let together = try await withThrowingTaskGroup(of: (Int, [Token]).self) { group in
      for round in 0..<4 {
        for (index, variant) in variants.enumerated() {
          var turn = request
          turn.priority = round % 2 == 0 ? .live : .shadow
          let stream = try engine.generate(turn, on: variant)
          group.addTask { (index, try await collect(stream).tokens) }
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(together.count == 12)
    for (index, tokens) in together { #expect(tokens == alone[index]) }
    #expect(engine.load.cacheBytes == 0)
  }

  /// The shadow job has far more to do than the live one, however slow the machine.
  @Test func `a live request overtakes shadow work`() async throws {
    let engine = try Self.engine(threads: 1)
    let variant = try Self.variant(context: 1 << 20)
    let shadow = try engine.generate(
      GenerationRequest(prompt: Self.prompt, maximumTokens: 100_000, priority: .shadow),
      on: variant)
    var events = shadow.makeAsyncIterator()
    _ = try await events.next()
    let live = try await collect(
      engine.generate(GenerationRequest(prompt: Self.prompt, maximumTokens: 5), on: variant))
    #expect(live.tokens.count == 5)
    // Held back, not ended: it goes on.
    #expect(engine.load.runningShadow == 1)
    for _ in 0..<10 { #expect(try await events.next() != nil) }
  }

  @Test func `scores are the log-probabilities of the formulas`() async throws {
    let model = EngineTinyModel()
    let engine = try Self.engine()
    let answer: [Token] = (0..<30).map { Token($0 * $0 % 70) }
    let score = try await engine.score(
      prompt: Self.prompt, continuation: answer, on: Self.variant(model.weights()))
    let logits = model.logits(Self.prompt + answer)
    #expect(score.tokens.map(\.token) == answer)
    for (index, token) in score.tokens.enumerated() {
      let row = logits[Self.prompt.count - 1 + index]
      let total = EngineMath.logSumExp(row)
      // The cache's halves move logits by up to 5e-3, and the total by as much.
      #expect(abs(token.logProbability - (row[Int(answer[index])] - total)) < 1e-2)
      #expect(abs(token.bestLogProbability - ((row.max() ?? 0) - total)) < 1e-2)
    }
  }

  // MARK: Refusals

  @Test(arguments: [AttentionKind.dense, .flash, .slidingWindow(window: 64, sinks: 2)])
  func `reading along ranks as scoring does, and leaves the answer as it is`(
    attention: AttentionKind
  ) async throws {
    let engine = try Self.engine()
    let variant = try Self.variant(nil, attention, context: 1_024)
    // Longer than a chunk, so that reading takes two quanta.
    let along = (0..<300).map { Token($0 * 11 % 70) }
    var request = GenerationRequest(prompt: Self.prompt, maximumTokens: 20)
    let alone = try await collect(engine.generate(request, on: variant))
    request.along = along
    let beside = try await collect(engine.generate(request, on: variant))
    let score = try await engine.score(
      prompt: Self.prompt, continuation: along, on: variant)
    #expect(beside.tokens == alone.tokens)
    #expect(beside.topAlong == score.tokens.map(\.best))
    #expect(alone.topAlong.isEmpty)
    request.maximumTokens = 1
    request.along = [5]
    let shortest = try await collect(engine.generate(request, on: variant))
    #expect(shortest.topAlong == Array(alone.tokens.prefix(1)))
    #expect(shortest.result?.reason == .length)
  }

  @Test func `a text that cannot be read along leaves the answer as it is`() async throws {
    let engine = try Self.engine()
    let variant = try Self.variant(context: 64)
    var request = GenerationRequest(prompt: Self.prompt, maximumTokens: 5)
    let alone = try await collect(engine.generate(request, on: variant))
    request.along = Array(repeating: 3, count: 500)
    let beside = try await collect(engine.generate(request, on: variant))
    #expect(beside.tokens == alone.tokens && beside.topAlong.isEmpty)
  }

  @Test func `wrong requests are refused before anything starts`() async throws {
    let engine = try Self.engine { $0.cacheBytes = 3 * 32_768 }
    let variant = try Self.variant()
    func code(_ prompt: [Token], maximumTokens: Int? = 1) async -> TransformerError.Code? {
      await errorCode {
        _ = try engine.generate(
          GenerationRequest(prompt: prompt, maximumTokens: maximumTokens), on: variant)
      }
    }
    #expect(await code([]) == .invalidRequest)
    #expect(await code([70]) == .invalidRequest)
    #expect(await code([-1]) == .invalidRequest)
    #expect(await code([1], maximumTokens: 0) == .invalidRequest)
    #expect(await code([Token](repeating: 1, count: 512)) == .promptTooLong)
    // A page of this model has 49,152 bytes; 300 tokens need five.
    #expect(await code([Token](repeating: 1, count: 300)) == .cacheFull)
    #expect(
      await errorCode {
        _ = try await engine.score(prompt: [1], continuation: [], on: variant)
      } == .invalidRequest)
    #expect(engine.load.runningLive == 0)
  }

  @Test func `a cache that fills up on the way ends the answer with its error`() async throws {
    let engine = try Self.engine { $0.cacheBytes = 32_768 }
    let request = GenerationRequest(prompt: Self.prompt, maximumTokens: 100)
    let stream = try engine.generate(request, on: Self.variant())
    #expect(await errorCode { _ = try await collect(stream) } == .cacheFull)
    let small = GenerationRequest(prompt: Self.prompt, maximumTokens: 5)
    #expect(try await collect(engine.generate(small, on: Self.variant())).tokens.count == 5)
  }

  // In the queries' weights it makes the scores of a whole head no numbers, which masking must not
  // hide.
  @Test(arguments: ["blk.1.ffn_down.weight", "blk.1.attn_q.weight"])
  func `weights that are not numbers end the answer with their error`(name: String) async throws {
    var changes = EngineTinyModel.Changes()
    var values = try #require(EngineTinyModel().tensors[name])
    values[77] = .nan
    changes.values[name] = values
    let variant = try Self.variant(EngineTinyModel().weights(changes))
    for mode in NumericMode.allCases {
      let engine = try Self.engine { $0.mode = mode }
      let stream = try engine.generate(GenerationRequest(prompt: [1, 2]), on: variant)
      #expect(await errorCode { _ = try await collect(stream) } == .notANumber)
      #expect(
        await errorCode {
          _ = try await engine.score(prompt: [1], continuation: [2], on: variant)
        } == .notANumber)
    }
  }

  @Test func `a full queue refuses with overloaded, and a gone consumer frees its place`()
    async throws
  {
    let engine = try Self.engine(threads: 1) {
      $0.runningLive = 1
      $0.waitingLive = 1
    }
    let variant = try Self.variant()
    let request = GenerationRequest(prompt: Self.prompt, maximumTokens: 400)
    var running: AsyncThrowingStream<GenerationEvent, any Error>? = try engine.generate(
      request, on: variant)
    let waiting = try engine.generate(request, on: variant)
    #expect(await errorCode { _ = try engine.generate(request, on: variant) } == .overloaded)
    running = nil
    _ = running
    // The place is free once the quantum is over; the bound only keeps a failing test finite.
    let deadline = ContinuousClock.now + .seconds(20)
    while engine.load.waitingLive == 1, ContinuousClock.now < deadline { await Task.yield() }
    let next = try engine.generate(
      GenerationRequest(prompt: Self.prompt, maximumTokens: 3), on: variant)
    #expect(try await collect(waiting).tokens.count == 400)
    #expect(try await collect(next).tokens.count == 3)
  }

  @Test func `cancelling the reading task ends the job and gives its cache back`() async throws {
    let engine = try Self.engine(threads: 1)
    let variant = try Self.variant(context: 1 << 20)
    let stream = try engine.generate(
      GenerationRequest(prompt: Self.prompt, maximumTokens: 100_000), on: variant)
    let reader = Task { try await collect(stream) }
    while engine.load.cacheBytes == 0 { await Task.yield() }
    reader.cancel()
    _ = try? await reader.value
    let deadline = ContinuousClock.now + .seconds(20)
    // The cache goes first, then the job's place.
    while engine.load.cacheBytes > 0 || engine.load.runningLive > 0, ContinuousClock.now < deadline
    {
      await Task.yield()
    }
    #expect(engine.load.cacheBytes == 0)
    #expect(engine.load.runningLive == 0)
  }

  @Test func `an engine that goes away ends what is left`() async throws {
    var engine: Engine? = try Self.engine(threads: 1)
    let variant = try Self.variant(context: 1 << 20)
    let request = GenerationRequest(prompt: Self.prompt, maximumTokens: 100_000)
    let streams = try (0..<3).map { _ in try engine?.generate(request, on: variant) }
    engine = nil
    for stream in streams {
      let stream = try #require(stream)
      #expect(await errorCode { _ = try await collect(stream) } == .cancelled)
    }
  }
}

enum EngineMath {
  static func logSumExp(_ x: [Double]) -> Double {
    let most = x.max() ?? 0
    return most + log(x.reduce(0) { $0 + exp($1 - most) })
  }
}
