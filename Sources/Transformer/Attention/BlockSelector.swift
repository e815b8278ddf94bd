import Tensors

/// Chooses blocks of cached keys for one tile of queries, by their summaries.
struct BlockSelector {
  private let summary: KeySummary
  private let gate: Gate?
  private let queries: QueryTile
  private let layer: Int
  private let keyValueHead: Int
  private let cache: KeyValueCache
  private let kernels: Kernels

  /// - Parameter rule: its summary is what the pages of `cache` hold
  init(
    _ rule: BlockSelection, _ queries: QueryTile, layer: Int, keyValueHead: Int,
    _ cache: KeyValueCache, _ kernels: Kernels
  ) {
    summary = rule.summary
    gate = rule.gate
    self.queries = queries
    self.layer = layer
    self.keyValueHead = keyValueHead
    self.cache = cache
    self.kernels = kernels
  }

  /// The numbers of the `count` blocks that score best, in order; of equals the earlier.
  ///
  /// - Parameter candidates: blocks of `summary.run` keys that are complete, not empty
  /// - Complexity: O(candidates · headWidth); reads summaries and no keys.
  func best(_ count: Int, among candidates: Range<Int>) -> [Int] {
    let perPage = summary.runsPerBlock
    let pages = candidates.lowerBound / perPage..<(candidates.upperBound - 1) / perPage + 1
    let width = cache.shape.headWidth
    let selector = [Float](unsafeUninitializedCapacity: summary.elementCount(headWidth: width)) {
      selector, written in
      guard let start = selector.baseAddress else { return }
      if let gate {
        gate.writeSelector(
          queries, layer: layer, keyValueHead: keyValueHead, into: start, kernels: kernels)
      } else {
        queries.writeSelector(summary, into: start, kernels: kernels)
      }
      written = selector.count
    }
    let scores = [Float](unsafeUninitializedCapacity: pages.count * perPage) { scores, written in
      guard var out = scores.baseAddress else { return }
      for index in pages {
        guard let page = cache.page(index)?.summary(layer: layer, keyValueHead: keyValueHead)
        else { preconditionFailure("block \(index) has no summary") }
        summary.scores(selector, page, headWidth: width, into: out, kernels: kernels)
        out += perPage
      }
      written = pages.count * perPage
    }
    let first = pages.lowerBound * perPage
    return scores.withUnsafeBufferPointer { scores in
      let among = candidates.lowerBound - first..<candidates.upperBound - first
      return KeySummary.best(count, of: UnsafeBufferPointer(rebasing: scores[among]))
        .map { $0 + candidates.lowerBound }
    }
  }
}
