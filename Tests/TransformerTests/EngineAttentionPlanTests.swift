import Tensors
import Testing

@testable import Transformer

/// Plans as data: which key blocks a tile of queries touches.
struct EngineAttentionPlanTests {
  private static let size = KeyBlock.keyCount

  private static func isSeen(_ key: Int, _ query: Int, _ plan: [PlannedBlock]) -> Int {
    plan.count {
      key / size == $0.index && $0.positions.contains(key) && key <= query
        && ($0.reach == .max || query - key < $0.reach)
    }
  }

  /// Every (query, key) pair, against the definition: seen once if visible, else never.
  @Test(arguments: [(1, 0), (20, 4), (64, 64), (100, 0), (65, 130), (1_000, 4)])
  func `a window's plan shows each visible key once and no other`(window: Int, sinks: Int) {
    let attention = AttentionKind.slidingWindow(window: window, sinks: sinks)
    for tile in [0..<1, 0..<32, 50..<82, 64..<65, 290..<300] {
      let plan = attention.plan(tile: tile)
      for query in tile {
        for key in 0..<tile.upperBound {
          let visible = key <= query && (key < sinks || query - key < window)
          #expect(Self.isSeen(key, query, plan) == (visible ? 1 : 0), "\(query) sees \(key)")
        }
      }
    }
  }

  @Test func `a window's plan does not touch what it skips`() {
    let plan = AttentionKind.slidingWindow(window: 128, sinks: 4).plan(tile: 8_000..<8_001)
    #expect(plan.map(\.index) == [0, 123, 124, 125])
  }

  @Test(arguments: [AttentionKind.dense, .flash])
  func `a full plan names every block up to the tile`(attention: AttentionKind) {
    #expect(attention.plan(tile: 100..<130).map(\.index) == [0, 1, 2])
    #expect(attention.plan(tile: 0..<64).map(\.index) == [0])
  }

  @Test(arguments: [(1, 0), (20, 4), (64, 64), (65, 130)])
  func `what is forgotten is in no later plan`(window: Int, sinks: Int) {
    let attention = AttentionKind.slidingWindow(window: window, sinks: sinks)
    for next in stride(from: 1, to: 600, by: 13) {
      let forgotten = attention.forgotten(next: next)
      for query in next..<next + 100 {
        let needed = attention.plan(tile: query..<query + 1).map(\.index)
        #expect(Set(needed).isDisjoint(with: forgotten))
      }
      let kept = (0...(next - 1) / Self.size).count { !forgotten.contains($0) }
      #expect(kept <= attention.blockLimit(length: next, chunk: 1))
    }
  }

  // MARK: Chosen blocks

  private static let rules: [BlockSelection] = [
    BlockSelection(
      summary: KeySummary(.means, run: 16), keys: 256, window: 64, sinks: 4, denseLayers: 2),
    BlockSelection(
      summary: KeySummary(.ranges, run: 32), keys: 300, window: 1, sinks: 1, denseLayers: 0),
    BlockSelection(
      summary: KeySummary(.means, run: 64), keys: 512, window: 200, sinks: 70, denseLayers: 1),
    BlockSelection(
      summary: KeySummary(.ranges, run: 16), keys: 33, window: 17, sinks: 0, denseLayers: 0),
  ]

  /// Whatever is chosen: properties of a plan, over seeds.
  @Test(arguments: 0..<4, UInt64(1)...25)
  func `a chosen plan has its fixed parts and nothing twice`(rule: Int, seed: UInt64) throws {
    let rule = Self.rules[rule]
    var random = SplitMix64(seed: seed)
    let start = Int(random.next() % 3_000)
    let tile = start..<start + 1 + Int(random.next() % 16)
    var chosen: [Int] = []
    let plan = rule.plan(tile: tile, layer: 5) { among, count in
      #expect(count < among.count, "nothing to choose")
      let drawn = among.map { (place: $0, number: random.next()) }
      chosen = drawn.sorted { $0.number < $1.number }.prefix(count).map(\.place).sorted()
      return chosen
    }
    let size = rule.blockSize
    var seen: [Int: Int] = [:]
    for block in plan {
      #expect(!block.positions.isEmpty || block.positions.upperBound == .max)
      for key in block.index * 64..<(block.index + 1) * 64 where block.positions.contains(key) {
        seen[key, default: 0] += 1
      }
    }
    #expect(seen.values.allSatisfy { $0 == 1 }, "a key is there twice")
    #expect(plan.map(\.index) == plan.map(\.index).sorted(), "out of order")
    // The kernel hides what is beyond a query; the plan names no block beyond the tile.
    #expect(plan.allSatisfy { $0.index * 64 < tile.upperBound })
    for query in tile {
      for key in 0...query {
        let isFixed = key < rule.sinks || query - key < rule.window || key / size == query / size
        if isFixed { #expect(seen[key] == 1, "\(query) must see \(key)") }
      }
    }
    for block in chosen {
      #expect((block * size..<(block + 1) * size).allSatisfy { seen[$0] == 1 })
    }
    if !chosen.isEmpty {
      let visible = seen.keys.count { $0 <= tile.lowerBound }
      #expect(visible <= rule.keys + 2 * size, "\(visible) keys")
    }
  }

  @Test func `prefill and decode agree on what is always seen and what may be chosen`() {
    for rule in Self.rules {
      for start in stride(from: 0, to: 2_000, by: 16) {
        func parts(_ tile: Range<Int>) -> (fixed: Set<Int>, among: Range<Int>) {
          var asked = 0..<0
          let plan = rule.plan(tile: tile, layer: 5) { among, _ in
            asked = among
            return []
          }
          let keys = plan.flatMap { block in
            (block.index * 64..<(block.index + 1) * 64).filter(block.positions.contains)
          }
          return (Set(keys), asked)
        }
        let tile = parts(start..<start + 16)
        for query in start..<start + 16 {
          let single = parts(query..<query + 1)
          let visible = tile.fixed.filter { $0 <= query }
          // What a token alone is sure to see, its tile's plan shows or may choose as well.
          let reachable = visible.union(
            tile.among.lowerBound * rule.blockSize..<tile.among.upperBound * rule.blockSize)
          #expect(single.fixed.filter { $0 <= query }.allSatisfy(reachable.contains))
          #expect(
            single.among.isEmpty || single.among.lowerBound == tile.among.lowerBound
              || tile.among.isEmpty)
          #expect(single.among.upperBound >= tile.among.upperBound)
        }
      }
    }
  }

  @Test func `a chosen plan joins neighbours and touches nothing else`() {
    let rule = Self.rules[0]
    let plan = rule.plan(tile: 1_000..<1_001, layer: 2) { among, count in
      #expect(among == 1..<58)
      #expect(count == 11)
      return [4, 5, 6, 7, 8, 20]
    }
    #expect(
      plan == [
        PlannedBlock(index: 0, positions: 0..<16), PlannedBlock(index: 1, positions: 64..<128),
        PlannedBlock(index: 2, positions: 128..<144), PlannedBlock(index: 5, positions: 320..<336),
        PlannedBlock(index: 14, positions: 928..<960),
        PlannedBlock(index: 15, positions: 960..<1_001),
      ])
    // The first layers, and a text that the keys suffice for, see everything.
    for (tile, layer) in [(1_000..<1_001, 1), (200..<216, 2)] {
      let all = rule.plan(tile: tile, layer: layer) { _, _ in
        Issue.record("nothing is to be chosen")
        return []
      }
      #expect(all == PlannedBlock.all(upTo: tile))
    }
  }

  @Test func `tiles that choose begin at the same places in every chunk`() throws {
    let hybrid = AttentionKind.hybrid(try Hybrid(keys: 256))
    #expect(hybrid.tiles(10..<50, limit: 32) == [10..<16, 16..<32, 32..<48, 48..<50])
    #expect(hybrid.tiles(48..<49, limit: 32) == [48..<49])
    #expect(AttentionKind.flash.tiles(10..<50, limit: 32) == [10..<42, 42..<50])
  }

  @Test func `parameters without meaning are refused`() throws {
    #expect(throws: TransformerError.self) { try BlockSparse(.quest, blockSize: 48, keys: 512) }
    #expect(throws: TransformerError.self) { try BlockSparse(.quest, keys: 32) }
    #expect(throws: TransformerError.self) { try BlockSparse(.moba, keys: 512, denseLayers: -1) }
    #expect(throws: TransformerError.self) { try Hybrid(keys: 150) }
    #expect(throws: TransformerError.self) { try Hybrid(keys: 512, window: 0) }
    #expect(throws: TransformerError.self) { try Hybrid(keys: 512, sinks: -1) }
    #expect(throws: TransformerError.self) { try Hybrid(keys: .max) }
    #expect(throws: TransformerError.self) { try Hybrid(keys: 512, window: .max) }
    _ = try Hybrid(keys: 160)
    _ = try BlockSparse(.quest, keys: 33)
  }

  @Test func `a window without keys is refused`() throws {
    let weights = try EngineTinyModel().weights()
    for attention in [
      AttentionKind.slidingWindow(window: 0, sinks: 4), .slidingWindow(window: 5, sinks: -1),
    ] {
      #expect(throws: TransformerError.self) {
        try ModelVariant(name: "bad", weights: weights, attention: attention)
      }
    }
  }
}

extension AttentionKind {
  /// The plan of a kind that chooses nothing.
  fileprivate func plan(tile: Range<Int>) -> [PlannedBlock] {
    plan(tile: tile, layer: 0) { _, _ in
      Issue.record("nothing is to be chosen")
      return []
    }
  }
}
