import Tensors

/// The attention of one sequence's rows of a pass: (key/value head, query tile) by (head, tile).
struct AttentionStep {
  let pass: ForwardPass
  let sequence: SequenceRows
  /// Where the sequence's rows begin in the workspace.
  let firstRow: Int

  private var parameters: HyperParameters { pass.weights.parameters }
  private var positions: Range<Int> { sequence.positions }

  /// Pieces of work, which may run in any order and at the same time.
  var itemCount: Int {
    switch sequence.attention {
    case .dense: parameters.heads
    case .flash, .slidingWindow:
      (positions.count + tileLimit - 1) / tileLimit * parameters.keyValueHeads
    }
  }

  private var units: AttentionUnits {
    pass.kernels.attentionUnits(for: pass.form, headWidth: parameters.headWidth)
  }

  private var tileLimit: Int {
    QueryTile.positionLimit(group: parameters.group, units: units)
  }

  /// Reads the workspace's queries and writes its `attended`, for one piece of work in one layer.
  ///
  /// - Parameter blocks: memory for the list of blocks
  func run(_ item: Int, layer: Int, lane: Int, _ blocks: inout KeyBlockList) {
    switch sequence.attention {
    case .dense: runDensely(head: item, layer, lane, &blocks)
    case .flash, .slidingWindow: runPlan(item, layer, lane, &blocks)
    }
  }

  /// One flash call for each key/value head and tile of positions.
  private func runPlan(_ item: Int, _ layer: Int, _ lane: Int, _ blocks: inout KeyBlockList) {
    let (tile, head) = item.quotientAndRemainder(dividingBy: parameters.keyValueHeads)
    let first = tile * tileLimit
    let rows = first..<min(first + tileLimit, positions.count)
    gather(rows, layer, head: head, into: &blocks)
    queryTile(rows, firstHead: head * parameters.group, heads: parameters.group)
      .attend(
        to: blocks, scratch: pass.workspace.scratch(lane: lane), units: units,
        kernels: pass.kernels)
  }

  /// One materialised matrix of scores for each query head.
  private func runDensely(
    head: Int, _ layer: Int, _ lane: Int, _ blocks: inout KeyBlockList
  ) {
    let rows = 0..<positions.count
    gather(rows, layer, head: head / parameters.group, into: &blocks)
    queryTile(rows, firstHead: head, heads: 1)
      .attendDensely(
        to: blocks, scores: pass.scores.matrix(lane: lane),
        scratch: pass.workspace.scratch(lane: lane), kernels: pass.kernels)
  }

  /// The blocks that the variant's plan names for some rows of the chunk.
  private func gather(
    _ rows: Range<Int>, _ layer: Int, head: Int, into blocks: inout KeyBlockList
  ) {
    blocks.removeAll()
    let start = positions.lowerBound
    for planned in sequence.attention.plan(
      tile: start + rows.lowerBound..<start + rows.upperBound)
    {
      guard let block = sequence.cache.block(planned.index, layer: layer, keyValueHead: head)
      else {
        preconditionFailure("the plan names block \(planned.index), which is forgotten")
      }
      blocks.append(
        block, start: planned.index * KeyBlock.keyCount, positions: planned.positions,
        reach: planned.reach)
    }
  }

  private func queryTile(_ rows: Range<Int>, firstHead: Int, heads: Int) -> QueryTile {
    let stride = parameters.queryWidth
    let offset = (firstRow + rows.lowerBound) * stride + firstHead * parameters.headWidth
    return QueryTile(
      queries: pass.workspace.queries + offset, out: pass.workspace.attended.floats + offset,
      stride: stride, positions: rows.count, group: heads, headWidth: parameters.headWidth,
      position: positions.lowerBound + rows.lowerBound,
      scale: 1 / Float(parameters.headWidth).squareRoot())
  }
}
