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
      let forgotten = (0..<10).filter { attention.isForgotten(block: $0, next: next) }
      for query in next..<next + 100 {
        let needed = attention.plan(tile: query..<query + 1).map(\.index)
        #expect(Set(needed).isDisjoint(with: forgotten))
      }
      let kept = (0...(next - 1) / Self.size).count { !forgotten.contains($0) }
      #expect(kept <= attention.blockLimit(length: next, chunk: 1))
    }
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
