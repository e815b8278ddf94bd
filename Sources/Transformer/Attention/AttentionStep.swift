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
    case .flash, .slidingWindow, .blockSparse, .hybrid: runPlan()
    }
  }

  /// One flash call for each key/value head and tile of positions.
  private func runPlan() {
    let tiles = pass.attention.tiles(positions, group: parameters.group)
    pass.forEach(tiles.count * parameters.keyValueHeads, grain: 1) { items, lane in
      var blocks = KeyBlockList()
      for item in items {
        let (index, head) = item.quotientAndRemainder(dividingBy: parameters.keyValueHeads)
        let queries = queryTile(
          tiles[index], firstHead: head * parameters.group, heads: parameters.group)
        let selector = pass.attention.selection.map {
          BlockSelector(
            $0.summary, queries, layer: layer, keyValueHead: head, cache, pass.kernels)
        }
        gather(tiles[index], head: head, selector, into: &blocks)
        queries.attend(
          to: blocks, scratch: pass.workspace.scratch(lane: lane), kernels: pass.kernels)
      }
    }
  }

  /// One materialised matrix of scores for each query head.
  private func runDensely() {
    pass.forEach(parameters.heads, grain: 1) { heads, lane in
      var blocks = KeyBlockList()
      for head in heads {
        gather(positions, head: head / parameters.group, nil, into: &blocks)
        queryTile(positions, firstHead: head, heads: 1)
          .attendDensely(
            to: blocks, scores: pass.scores.matrix(lane: lane),
            scratch: pass.workspace.scratch(lane: lane), kernels: pass.kernels)
      }
    }
  }

  /// The blocks that the variant's plan names for some positions of the chunk.
  private func gather(
    _ tile: Range<Int>, head: Int, _ selector: BlockSelector?, into blocks: inout KeyBlockList
  ) {
    blocks.removeAll()
    let plan = pass.attention.plan(tile: tile, layer: layer) { candidates, count in
      selector?.best(count, among: candidates) ?? []
    }
    for planned in plan {
      guard let block = cache.block(planned.index, layer: layer, keyValueHead: head) else {
        preconditionFailure("the plan names block \(planned.index), which is forgotten")
      }
      blocks.append(
        block, start: planned.index * KeyBlock.keyCount, positions: planned.positions,
        reach: planned.reach, isSink: planned.isSink)
    }
  }

  private func queryTile(_ tile: Range<Int>, firstHead: Int, heads: Int) -> QueryTile {
    let stride = parameters.queryWidth
    let row = tile.lowerBound - positions.lowerBound
    let offset = row * stride + firstHead * parameters.headWidth
    return QueryTile(
      queries: pass.workspace.queries + offset,
      sinkQueries: pass.sinkReach.map { _ in
        UnsafePointer(pass.workspace.sinkQueries + offset)
      },
      out: pass.workspace.attended.floats + offset, stride: stride, positions: tile.count,
      group: heads, headWidth: parameters.headWidth, position: tile.lowerBound,
      scale: 1 / Float(parameters.headWidth).squareRoot())
  }
}
