import Tensors

/// The attention of one sequence's rows of a pass: query tile by query tile of each key/value head,
/// so that a head's keys stay in the cache.
struct AttentionStep {
  private let pass: ForwardPass
  private let sequence: SequenceRows
  /// Where the sequence's rows begin in the workspace.
  private let firstRow: Int
  private let units: AttentionUnits
  /// Positions whose queries have one plan each.
  private let tiles: [Range<Int>]

  init(pass: ForwardPass, sequence: SequenceRows, firstRow: Int) {
    self.pass = pass
    self.sequence = sequence
    self.firstRow = firstRow
    let parameters = pass.weights.parameters
    let units = pass.kernels.attentionUnits(for: pass.form, headWidth: parameters.headWidth)
    self.units = units
    tiles = sequence.attention.tiles(
      sequence.positions,
      limit: QueryTile.positionLimit(group: parameters.group, units: units))
  }

  private var parameters: HyperParameters { pass.weights.parameters }
  private var positions: Range<Int> { sequence.positions }

  /// Pieces of work, which may run in any order and at the same time.
  var itemCount: Int {
    switch sequence.attention {
    case .dense: parameters.heads
    case .flash, .slidingWindow, .blockSparse, .hybrid, .gated:
      tiles.count * parameters.keyValueHeads
    }
  }

  /// Reads the workspace's queries and writes its `attended`, for one piece of work in one layer.
  ///
  /// - Parameter blocks: memory for the list of blocks
  func run(_ item: Int, layer: Int, lane: Int, _ blocks: inout KeyBlockList) {
    switch sequence.attention {
    case .dense: runDensely(head: item, layer, lane, &blocks)
    case .flash, .slidingWindow, .blockSparse, .hybrid, .gated: runPlan(item, layer, lane, &blocks)
    }
  }

  /// One flash call for each key/value head and tile of positions.
  private func runPlan(_ item: Int, _ layer: Int, _ lane: Int, _ blocks: inout KeyBlockList) {
    let (head, index) = item.quotientAndRemainder(dividingBy: tiles.count)
    let queries = queryTile(
      tiles[index], firstHead: head * parameters.group, heads: parameters.group)
    let selector = sequence.attention.selection.map {
      BlockSelector(
        $0, queries, layer: layer, keyValueHead: head, sequence.cache, pass.kernels)
    }
    gather(tiles[index], layer, head: head, selector, into: &blocks)
    queries.attend(
      to: blocks, scratch: pass.workspace.scratch(lane: lane), units: units,
      kernels: pass.kernels)
  }

  /// One materialised matrix of scores for each query head.
  private func runDensely(
    head: Int, _ layer: Int, _ lane: Int, _ blocks: inout KeyBlockList
  ) {
    gather(positions, layer, head: head / parameters.group, nil, into: &blocks)
    queryTile(positions, firstHead: head, heads: 1)
      .attendDensely(
        to: blocks, scores: pass.scores.matrix(lane: lane),
        scratch: pass.workspace.scratch(lane: lane), kernels: pass.kernels)
  }

  /// The blocks that the variant's plan names for some positions of the chunk.
  private func gather(
    _ tile: Range<Int>, _ layer: Int, head: Int, _ selector: BlockSelector?,
    into blocks: inout KeyBlockList
  ) {
    blocks.removeAll()
    let plan = sequence.attention.plan(tile: tile, layer: layer) { candidates, count in
      selector?.best(count, among: candidates) ?? []
    }
    for planned in plan {
      guard let block = sequence.cache.block(planned.index, layer: layer, keyValueHead: head)
      else {
        preconditionFailure("the plan names block \(planned.index), which is forgotten")
      }
      blocks.append(
        block, start: planned.index * KeyBlock.keyCount, positions: planned.positions,
        reach: planned.reach, isSink: planned.isSink)
    }
  }

  private func queryTile(_ tile: Range<Int>, firstHead: Int, heads: Int) -> QueryTile {
    let stride = parameters.queryWidth
    let row = firstRow + tile.lowerBound - positions.lowerBound
    let offset = row * stride + firstHead * parameters.headWidth
    return QueryTile(
      queries: pass.workspace.queries + offset,
      sinkQueries: sequence.sinkReach.map { _ in
        UnsafePointer(pass.workspace.sinkQueries + offset)
      },
      out: pass.workspace.attended.floats + offset, stride: stride, positions: tile.count,
      group: heads, headWidth: parameters.headWidth, position: tile.lowerBound,
      scale: 1 / Float(parameters.headWidth).squareRoot())
  }
}
