import Tensors
import Testing

@testable import Transformer

/// Beginnings of texts that are not computed again.
struct EnginePrefixTests {
  private static func text(_ count: Int, seed: Int = 0) -> [Token] {
    (0..<count).map { (place: Int) -> Token in
      Token((place * 31 + place * place * 7 + seed * 13) % 70)
    }
  }

  private static func engine(
    _ change: (inout Engine.Configuration) -> Void = { _ in }
  ) throws -> Engine {
    var configuration = Engine.Configuration()
    configuration.threads = 2
    change(&configuration)
    return try Engine(configuration)
  }

  private static func variant(
    _ attention: AttentionKind = .flash, _ weights: Weights? = nil, rotary: RotaryTables? = nil
  ) throws -> ModelVariant {
    try ModelVariant(
      name: "\(attention)", weights: weights ?? EngineTinyModel().weights(), attention: attention,
      rotary: rotary)
  }

  private static func request(
    _ prompt: [Token], _ count: Int, _ priority: Priority = .live
  ) throws -> GenerationRequest {
    GenerationRequest(
      prompt: prompt, maximumTokens: count,
      sampling: try SamplingOptions(temperature: 1.1, seed: 5), priority: priority)
  }

  /// The pages hold the bits that computing them again would give, answers included, which were
  /// written one by one.
  @Test(
    arguments: [AttentionKind.flash, .dense, .slidingWindow(window: 70, sinks: 3)],
    NumericMode.allCases)
  func `the next turn of a conversation reads only what is new, and says the same`(
    attention: AttentionKind, mode: NumericMode
  ) async throws {
    let variant = try Self.variant(attention)
    for format in CacheFormat.allCases {
      let warm = try Self.engine {
        $0.mode = mode
        $0.cacheFormat = format
      }
      let cold = try Self.engine {
        $0.mode = mode
        $0.cacheFormat = format
        $0.keepsPrefixes = false
      }
      try await Self.expectReuse(variant, warm, cold)
    }
  }

  /// A window that goes on beyond the trained context, with keys and values in 8 bits too.
  @Test func `a window that streams reads beginnings once, and says the same`() async throws {
    let weights = try EngineTinyModel().weights(.init(integers: ["context_length": 100]))
    let variant = try ModelVariant(
      name: "stream", weights: weights, attention: .slidingWindow(window: 70, sinks: 3),
      contextLength: 100_000)
    for format in CacheFormat.allCases {
      let warm = try Self.engine { $0.cacheFormat = format }
      let cold = try Self.engine {
        $0.cacheFormat = format
        $0.keepsPrefixes = false
      }
      try await Self.expectReuse(variant, warm, cold)
    }
  }

  @Test func `a window that streams shares nothing with one that does not`() async throws {
    let weights = try EngineTinyModel().weights(.init(integers: ["context_length": 400]))
    let attention = AttentionKind.slidingWindow(window: 70, sinks: 3)
    let plain = try ModelVariant(name: "plain", weights: weights, attention: attention)
    let stream = try ModelVariant(
      name: "stream", weights: weights, attention: attention, contextLength: 100_000)
    let engine = try Self.engine()
    let request = try Self.request(Self.text(200), 5)
    for variant in [plain, stream] {
      #expect(try await collect(engine.generate(request, on: variant)).cachedTokens == 0)
      // At least the page of the sinks; others went out of the window.
      let cached = try await collect(engine.generate(request, on: variant)).cachedTokens ?? 0
      #expect(cached >= 64)
    }
  }

  private static func expectReuse(
    _ variant: ModelVariant, _ warm: Engine, _ cold: Engine
  ) async throws {
    let first = try await collect(
      warm.generate(Self.request(Self.text(150), 60), on: variant))
    #expect(first.cachedTokens == 0)
    let second = try Self.request(Self.text(150) + first.tokens + Self.text(130, seed: 3), 30)
    let answer = try await collect(warm.generate(second, on: variant))
    let expected = try await collect(cold.generate(second, on: variant))
    #expect(answer.tokens == expected.tokens)
    // 150 positions were read and 59 written: three whole pages, two of which were read only.
    #expect(answer.cachedTokens == (warm.keepsWritten ? 192 : 128) && expected.cachedTokens == 0)
    let timings = try #require(answer.result).timings
    #expect(timings.cachedSeconds > 0 && timings.cachedSeconds < timings.prefillSeconds)
    #expect(timings.interleavedSeconds >= 0)
    // The whole of it again: the last token is computed for its logits.
    let again = try await collect(warm.generate(second, on: variant))
    #expect(again.tokens == expected.tokens && again.cachedTokens == 320)
    #expect(warm.load.cacheBytes == 0 && warm.load.prefixBytes > 0)
    #expect(cold.load.prefixBytes == 0)
  }

  @Test func `texts of other weights, attention, rotary tables or tokens are not mixed up`()
    async throws
  {
    let weights = try EngineTinyModel().weights()
    let engine = try Self.engine()
    let stretched = RotaryTables(
      RotaryTable(frequencies: RotaryTable(weights.parameters).frequencies.map { $0 / 2 }),
      contextLength: weights.parameters.contextLength)
    let variants = try [
      Self.variant(.flash, weights), Self.variant(.dense, weights),
      Self.variant(.flash, weights, rotary: stretched), Self.variant(.flash),
    ]
    for variant in variants {
      let answer = try await collect(
        engine.generate(Self.request(Self.text(200), 2), on: variant))
      #expect(answer.cachedTokens == 0)
    }
    var other = Self.text(200)
    other[70] += 1
    let answer = try await collect(engine.generate(Self.request(other, 2), on: variants[0]))
    #expect(answer.cachedTokens == 64)
  }

  // MARK: Memory

  private struct Shelf {
    let variant: ModelVariant
    let shape: KeyValuePage.Shape
    let budget: CacheBudget
    let prefixes = PrefixCache(nodeLimit: 40)

    init(pages: Int) throws {
      variant = try EnginePrefixTests.variant()
      shape = KeyValuePage.Shape(variant.weights.parameters)
      budget = CacheBudget(limitBytes: pages * shape.byteCount, shadowShare: 0.5)
    }

    func cache(_ priority: Priority = .live) -> KeyValueCache {
      KeyValueCache(shape, budget: budget, priority: priority, prefixes: prefixes)
    }

    /// Computes nothing: the pages stay zero.
    func keep(_ text: [Token], _ priority: Priority = .live) throws {
      var cache = cache(priority)
      try cache.reserve(upTo: text.count)
      cache.advance(by: text.count)
      prefixes.keep(text, variant, cache: cache, seconds: [])
    }

    func kept(_ text: [Token], _ priority: Priority = .live) -> Int {
      prefixes.longestPrefix(of: text + [0], variant, shape: shape, priority: priority)?
        .pages.count ?? 0
    }

    var usedPages: Int { budget.usedBytes / shape.byteCount }
    var idlePages: Int { prefixes.idleBytes / shape.byteCount }
  }

  @Test func `a needed page comes from the end of the text that was not used for longest`() throws {
    let shelf = try Shelf(pages: 6)
    let texts = (0..<3).map { Self.text(128, seed: $0) }
    for text in texts { try shelf.keep(text) }
    #expect(shelf.usedPages == 6 && shelf.idlePages == 6)
    // Looking at a text uses it: now the second is the oldest, and then the third.
    #expect(shelf.kept(texts[0]) == 2)
    var cache = shelf.cache()
    try cache.reserve(upTo: 192)
    #expect([0, 1, 2].map { shelf.kept(texts[$0]) } == [2, 0, 1])
    #expect(shelf.usedPages == 6 && shelf.idlePages == 3)
    try cache.reserve(upTo: 384)
    #expect(throws: TransformerError.self) { try cache.reserve(upTo: 385) }
    #expect(shelf.idlePages == 0)
  }

  @Test func `pages that a sequence reads are counted once and stay`() throws {
    let shelf = try Shelf(pages: 4)
    let text = Self.text(192)
    try shelf.keep(text)
    var cache = shelf.cache()
    cache.begin(
      with: try #require(
        shelf.prefixes.longestPrefix(
          of: text, shelf.variant, shape: shelf.shape, priority: .live)))
    #expect(cache.length == 128 && shelf.usedPages == 3 && shelf.idlePages == 1)
    // One page is free and one is idle; the two that are read must not go.
    try cache.reserve(upTo: 256)
    #expect(shelf.usedPages == 4 && shelf.idlePages == 0)
    #expect(throws: TransformerError.self) { try cache.reserve(upTo: 257) }
    cache.removeAll()
    #expect(shelf.usedPages == 2 && shelf.idlePages == 2)
  }

  @Test func `shadow work beyond its share makes room from its own pages only`() throws {
    let shelf = try Shelf(pages: 8)
    let (live, shadow) = (Self.text(128), Self.text(128, seed: 1))
    try shelf.keep(live)
    try shelf.keep(shadow, .shadow)
    #expect(shelf.kept(live, .shadow) == 0, "a live page held by shadow work")
    #expect(shelf.kept(shadow, .shadow) == 2 && shelf.kept(shadow) == 2)
    var cache = shelf.cache(.shadow)
    try cache.reserve(upTo: 256)
    #expect(shelf.kept(live) == 2 && shelf.kept(shadow) == 0)
    #expect(throws: TransformerError.self) { try cache.reserve(upTo: 257) }
    #expect(shelf.kept(live) == 2)
  }

  @Test func `what is known of forgotten pages has a bound`() throws {
    let shelf = try Shelf(pages: 100)
    for seed in 0..<30 { try shelf.keep(Self.text(192, seed: seed)) }
    #expect(shelf.usedPages <= 40)
    #expect(shelf.kept(Self.text(192, seed: 29)) == 3)
  }

  /// Every page is somebody's, or nobody's: after any course of events nothing is lost.
  @Test(arguments: 0..<4)
  func `any course of events ends with no page in use`(seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    let weights = try EngineTinyModel().weights()
    let page = KeyValuePage.Shape(weights.parameters).byteCount
    let engine = try Self.engine { $0.cacheBytes = 12 * page }
    let variants = try [
      Self.variant(.flash, weights), Self.variant(.slidingWindow(window: 70, sinks: 3), weights),
    ]
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<40 {
        let request = try Self.request(
          Self.text(40 + Int(random.next() % 300), seed: Int(random.next() % 3)),
          1 + Int(random.next() % 60), random.next() % 4 == 0 ? .shadow : .live)
        let variant = variants[Int(random.next() % 2)]
        let patience = Int(random.next() % 90)
        group.addTask {
          // Full caches and full queues are part of it; some go before their answer ends.
          guard let stream = try? engine.generate(request, on: variant) else { return }
          var events = 0
          do {
            for try await _ in stream {
              events += 1
              if events > patience { break }
            }
          } catch is TransformerError {}
        }
      }
      try await group.waitForAll()
    }
    let deadline = ContinuousClock.now + .seconds(20)
    while engine.load.cacheBytes + engine.load.runningLive + engine.load.runningShadow > 0,
      ContinuousClock.now < deadline
    {
      await Task.yield()
    }
    let load = engine.load
    #expect(load.cacheBytes == 0 && load.runningLive == 0 && load.runningShadow == 0)
    #expect(load.prefixBytes <= 12 * page && load.prefixBytes % page == 0)
  }

  @Test func `a page is charged what it took, a written one what reading it would have`() {
    var times = PageTimes(seconds: [6.4])
    times.add(32, positions: 32)
    #expect(times.ofPages(1) == [6.4])
    // 32 positions read in 1 second each, then 32 and 64 that were written.
    #expect(times.ofPages(3) == [6.4, 64, 64])
    #expect(PageTimes().ofPages(1) == [0])
  }
}
