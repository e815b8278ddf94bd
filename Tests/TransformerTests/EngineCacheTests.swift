import Tensors
import Testing

@testable import Transformer

/// Pages, their sharing, and the bytes they are counted as.
struct EngineCacheTests {
  private static let shape = try? KeyValuePage.Shape(EngineTinyModel().weights().parameters)

  private static func cache(_ budget: CacheBudget) throws -> KeyValueCache {
    KeyValueCache(try #require(shape), budget: budget, priority: .live)
  }

  @Test func `a page holds two halves per channel, head, layer and position`() throws {
    let bytes = 2 * 2 * 64 * EngineTinyModel.headWidth * EngineTinyModel.keyValueHeads
    #expect(try #require(Self.shape).byteCount == bytes * EngineTinyModel.blockCount)
    let eights = KeyValuePage.Shape(try EngineTinyModel().weights().parameters, format: .q8)
    // One byte a channel, and a half for each key and each value.
    #expect(eights.byteCount == (bytes / 2 + 2 * 64 * 2 * 2) * EngineTinyModel.blockCount)
  }

  /// What operators are told is what is done.
  @Test func `variants that cannot keep 8 bits, or beginnings of prompts, say so`() throws {
    let weights = try EngineTinyModel().weights()
    var asked = Engine.Configuration()
    asked.cacheFormat = .q8
    let variants: [(AttentionKind, Bool, says: [String])] = [
      (.dense, false, []), (.flash, false, []), (.slidingWindow(window: 64, sinks: 4), false, []),
      (.hybrid(try Hybrid(keys: 256)), false, ["f16, not q8: it chooses blocks"]),
      (.blockSparse(try BlockSparse(.quest, keys: 256)), false, ["f16, not q8: it chooses blocks"]),
      (.flash, true, ["f16, not q8: its keys are turned", "reads prompts anew"]),
    ]
    for (attention, isDynamic, says) in variants {
      let rotary =
        try isDynamic
        ? RotaryTables(weights.parameters, scaling: .dynamicNTK(factor: 2)) : nil
      let variant = try ModelVariant(
        name: "\(attention)", weights: weights, attention: attention, rotary: rotary)
      let exceptions = variant.exceptions(to: asked)
      #expect(exceptions.count == says.count, "\(exceptions)")
      for (exception, word) in zip(exceptions, says) { #expect(exception.contains(word)) }
      let kept = KeyValuePage.Shape(variant, format: .q8).format
      #expect((kept == .f16) == says.contains { $0.hasPrefix("f16") })
      // As it is by default, only what cannot be kept for others is worth a word.
      #expect(variant.exceptions(to: Engine.Configuration()).count == (isDynamic ? 1 : 0))
    }
  }

  @Test func `pages come as the sequence grows, and go with it`() throws {
    let page = try #require(Self.shape).byteCount
    let budget = CacheBudget(limitBytes: 10 * page)
    do {
      var cache = try Self.cache(budget)
      #expect(budget.usedBytes == 0)
      for (length, pages) in [(1, 1), (64, 1), (65, 2), (256, 4)] {
        try cache.reserve(upTo: length)
        cache.advance(by: length - cache.length)
        #expect(budget.usedBytes == pages * page)
        #expect(cache.byteCount == pages * page)
      }
    }
    #expect(budget.usedBytes == 0)
  }

  @Test func `a full budget is an error that changes nothing`() throws {
    let page = try #require(Self.shape).byteCount
    let budget = CacheBudget(limitBytes: 2 * page + page / 2)
    var cache = try Self.cache(budget)
    try cache.reserve(upTo: 100)
    cache.advance(by: 100)
    #expect {
      try cache.reserve(upTo: 129)
    } throws: {
      ($0 as? TransformerError)?.code == .cacheFull
    }
    #expect(cache.length == 100)
    #expect(budget.usedBytes == 2 * page)
    try cache.reserve(upTo: 128)
  }

  @Test func `shadow work cannot take the last room`() throws {
    let shape = try #require(Self.shape)
    let budget = CacheBudget(limitBytes: 4 * shape.byteCount, shadowShare: 0.5)
    var shadow = KeyValueCache(shape, budget: budget, priority: .shadow)
    try shadow.reserve(upTo: 128)
    #expect(throws: TransformerError.self) { try shadow.reserve(upTo: 129) }
    var live = KeyValueCache(shape, budget: budget, priority: .live)
    try live.reserve(upTo: 128)
    #expect(throws: TransformerError.self) { try live.reserve(upTo: 129) }
  }

  @Test func `copies share full pages and part at the page they write`() throws {
    let page = try #require(Self.shape).byteCount
    let budget = CacheBudget(limitBytes: 10 * page)
    var cache = try Self.cache(budget)
    try cache.reserve(upTo: 100)
    cache.advance(by: 100)
    var fork = cache
    #expect(budget.usedBytes == 2 * page)
    try fork.reserve(upTo: 101)
    #expect(budget.usedBytes == 3 * page)
    let first = try #require(cache.block(0, layer: 0, keyValueHead: 0))
    #expect(fork.block(0, layer: 0, keyValueHead: 0)?.keys == first.keys)
    let second = try #require(cache.block(1, layer: 0, keyValueHead: 0))
    #expect(fork.block(1, layer: 0, keyValueHead: 0)?.keys != second.keys)
  }

  @Test func `a window keeps its memory constant`() throws {
    let page = try #require(Self.shape).byteCount
    let budget = CacheBudget(limitBytes: 100 * page)
    let attention = AttentionKind.slidingWindow(window: 100, sinks: 4)
    var cache = try Self.cache(budget)
    for _ in 0..<2_000 {
      try cache.reserve(upTo: cache.length + 1)
      cache.advance(by: 1)
      cache.forget(attention)
      // The sinks' page, and 100 positions that begin anywhere in a page.
      #expect(budget.usedBytes <= 4 * page)
    }
    #expect(cache.block(0, layer: 0, keyValueHead: 0) != nil)
    #expect(cache.block(5, layer: 0, keyValueHead: 0) == nil)
  }
}
