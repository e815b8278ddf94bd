import Tensors

/// The attention of one layer over one chunk: (key/value head, query tile) by (head, tile).
struct AttentionStep {
  let pass: ForwardPass
  let layer: Int
  let positions: Range<Int>
  let cache: KeyValueCache

  private var parameters: HyperParameters { pass.weights.parameters }

  /// Reads the workspace's queries and writes its `attended`.
  func run() {
    switch pass.attention {
    case .dense: runDensely()
    case .flash, .slidingWindow: runPlan()
    }
  }

  /// One flash call for each key/value head and tile of positions.
  private func runPlan() {
    let units = pass.kernels.attentionUnits(for: pass.form, headWidth: parameters.headWidth)
    let limit = QueryTile.positionLimit(group: parameters.group, units: units)
    let tiles = (positions.count + limit - 1) / limit
    pass.forEach(tiles * parameters.keyValueHeads, grain: 1) { items, lane in
      var blocks = KeyBlockList()
      for item in items {
        let (tile, head) = item.quotientAndRemainder(dividingBy: parameters.keyValueHeads)
        let first = tile * limit
        let rows = first..<min(first + limit, positions.count)
        gather(rows, head: head, into: &blocks)
        queryTile(rows, firstHead: head * parameters.group, heads: parameters.group)
          .attend(
            to: blocks, scratch: pass.workspace.scratch(lane: lane), units: units,
            kernels: pass.kernels)
      }
    }
  }

  /// One materialised matrix of scores for each query head.
  private func runDensely() {
    pass.forEach(parameters.heads, grain: 1) { heads, lane in
      var blocks = KeyBlockList()
      for head in heads {
        let rows = 0..<positions.count
        gather(rows, head: head / parameters.group, into: &blocks)
        queryTile(rows, firstHead: head, heads: 1)
          .attendDensely(
            to: blocks, scores: pass.scores.matrix(lane: lane),
            scratch: pass.workspace.scratch(lane: lane), kernels: pass.kernels)
      }
    }
  }

  /// The blocks that the variant's plan names for some rows of the chunk.
  private func gather(_ rows: Range<Int>, head: Int, into blocks: inout KeyBlockList) {
    blocks.removeAll()
    let start = positions.lowerBound
    for planned in pass.attention.plan(
      tile: start + rows.lowerBound..<start + rows.upperBound)
    {
      guard let block = cache.block(planned.index, layer: layer, keyValueHead: head) else {
        preconditionFailure("the plan names block \(planned.index), which is forgotten")
      }
      blocks.append(
        block, start: planned.index * KeyBlock.keyCount, positions: planned.positions,
        reach: planned.reach)
    }
  }

  private func queryTile(_ rows: Range<Int>, firstHead: Int, heads: Int) -> QueryTile {
    let stride = parameters.queryWidth
    let offset = rows.lowerBound * stride + firstHead * parameters.headWidth
    return QueryTile(
      queries: pass.workspace.queries + offset, out: pass.workspace.attended.floats + offset,
      stride: stride, positions: rows.count, group: heads, headWidth: parameters.headWidth,
      position: positions.lowerBound + rows.lowerBound,
      scale: 1 / Float(parameters.headWidth).squareRoot())
  }
}
