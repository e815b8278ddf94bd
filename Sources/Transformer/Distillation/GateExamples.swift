import Tensors

/// What a gate learns from in one window of text: for every layer and key/value head, what its
/// queries look for, what its keys hold, and where the attention of the frozen model goes.
///
/// About 40 MB for a window of 2,048 tokens of the demo's model.
package struct GateExamples: Sendable {
  /// Of one layer and key/value head.
  struct Place: Sendable {
    /// Mean over a tile's positions of q, max(q, 0) and min(q, 0): `[tiles, 3, group, headWidth]`.
    var queries: [Float] = []
    /// Pools of each block: `[blocks, 3 · headWidth]`.
    var keys: [Float] = []
    /// Mean over a tile's positions and heads of the attention that a block gets, 0…1:
    /// `[tiles, blocks]`.
    var masses: [Float] = []
  }

  /// Positions of a tile, which choose together.
  static let tileSize = BlockSelection.tileLimit

  let shape: Gate.Shape
  let summary: KeySummary
  /// Positions, a multiple of `KeyBlock.keyCount`.
  let length: Int
  /// By layer, then by key/value head.
  private(set) var places: [Place]

  var tileCount: Int { length / Self.tileSize }
  var blockCount: Int { length / summary.run }

  /// Reads a text with `flash` attention and keeps what a gate needs of it.
  ///
  /// - Parameters:
  ///   - text: a positive multiple of 64 tokens, all in the vocabulary
  ///   - blockSize: 16, 32 or 64
  ///   - executor: of this thread
  /// - Throws: `invalidRequest` for other lengths, `cacheFull` or `overloaded` without memory
  init(
    _ text: [Token], of weights: Weights, blockSize: Int, on executor: Executor
  ) throws(TransformerError) {
    guard !text.isEmpty, text.count % KeyBlock.keyCount == 0 else {
      throw TransformerError(
        .invalidRequest, "a window of \(text.count) tokens; use a multiple of \(KeyBlock.keyCount)")
    }
    try BlockSparse.check(blockSize: blockSize)
    let parameters = weights.parameters
    shape = Gate.Shape(parameters)
    summary = KeySummary(.pools, run: blockSize)
    length = text.count
    places = [Place](repeating: Place(), count: shape.layers * shape.keyValueHeads)
    let variant = try ModelVariant(
      name: "the model that is distilled", weights: weights, contextLength: text.count)
    let pageShape = KeyValuePage.Shape(parameters, summary: summary)
    var cache = KeyValueCache(
      pageShape, budget: CacheBudget(limitBytes: .max), priority: .live)
    var rest = text[...]
    while !rest.isEmpty {
      let chunk = variant.chunk(rest, after: cache)
      rest = rest.dropFirst(chunk.count)
      var pass = try executor.pass(weights, isPrefill: true)
      let reader = TileReader(
        positions: cache.length..<cache.length + chunk.count, summary: summary, pass: pass)
      // Pages are shared objects: what the pass writes into them shows here.
      try cache.reserve(upTo: cache.length + chunk.count)
      let pages = cache
      var found = places
      places = []
      pass.observe = { layer in
        for head in 0..<parameters.keyValueHeads {
          reader.read(
            layer: layer, keyValueHead: head, pages, blocks: text.count / blockSize,
            into: &found[layer * parameters.keyValueHeads + head])
        }
      }
      try pass.run(chunk, of: variant, cache: &cache)
      places = found
    }
    for index in places.indices { readKeys(index, cache) }
  }

  /// Copies the pools of all blocks.
  private mutating func readKeys(_ index: Int, _ cache: KeyValueCache) {
    let (layer, head) = index.quotientAndRemainder(dividingBy: shape.keyValueHeads)
    let runs = summary.runsPerBlock
    let channels = 3 * shape.headWidth
    var page = [Float](repeating: 0, count: channels * runs)
    for number in 0..<length / KeyBlock.keyCount {
      guard let halves = cache.page(number)?.summary(layer: layer, keyValueHead: head) else {
        continue
      }
      Kernels.fastest.fromHalf(UnsafeBufferPointer(start: halves, count: page.count), into: &page)
      for run in 0..<runs {
        for channel in 0..<channels { places[index].keys.append(page[channel * runs + run]) }
      }
    }
  }
}

/// Reads what the tiles of one chunk look for and where they look.
private struct TileReader {
  let positions: Range<Int>
  let summary: KeySummary
  let pass: ForwardPass

  func read(
    layer: Int, keyValueHead: Int, _ cache: KeyValueCache, blocks: Int,
    into place: inout GateExamples.Place
  ) {
    var list = KeyBlockList()
    for index in 0...(positions.upperBound - 1) / KeyBlock.keyCount {
      guard let block = cache.block(index, layer: layer, keyValueHead: keyValueHead) else {
        continue
      }
      list.append(block, start: index * KeyBlock.keyCount, positions: 0..<Int.max, reach: .max)
    }
    let shape = Gate.Shape(pass.weights.parameters)
    let tileSize = GateExamples.tileSize
    let columns = list.count * KeyBlock.keyCount
    var scores = [Float](repeating: 0, count: tileSize * shape.group * columns)
    var out = [Float](repeating: 0, count: tileSize * pass.weights.parameters.queryWidth)
    for first in stride(from: 0, to: positions.count, by: tileSize) {
      out.withUnsafeMutableBufferPointer { out in
        guard let out = out.baseAddress else { return }
        let tile = queries(first, firstHead: keyValueHead * shape.group, shape, into: out)
        addQueries(tile, shape, to: &place.queries)
        tile.attendDensely(
          to: list, scores: &scores, scratch: pass.workspace.scratch(lane: pass.lane),
          kernels: pass.kernels)
      }
      addMasses(scores, columns: columns, blocks: blocks, to: &place.masses)
    }
  }

  private func queries(
    _ row: Int, firstHead: Int, _ shape: Gate.Shape, into out: UnsafeMutablePointer<Float>
  ) -> QueryTile {
    let stride = pass.weights.parameters.queryWidth
    return QueryTile(
      queries: pass.workspace.queries + row * stride + firstHead * shape.headWidth, out: out,
      stride: stride, positions: GateExamples.tileSize, group: shape.group,
      headWidth: shape.headWidth, position: positions.lowerBound + row,
      scale: 1 / Float(shape.headWidth).squareRoot())
  }

  /// Appends the means over the tile: [3, group, headWidth].
  private func addQueries(_ tile: QueryTile, _ shape: Gate.Shape, to queries: inout [Float]) {
    let width = shape.headWidth
    let whole = KeySummary(.pools, run: KeyBlock.keyCount)
    var sums = [Float](repeating: 0, count: shape.group * 3 * width)
    sums.withUnsafeMutableBufferPointer { sums in
      guard let start = sums.baseAddress else { return }
      for head in 0..<shape.group {
        tile.head(head).writeSelector(whole, into: start + head * 3 * width, kernels: pass.kernels)
      }
    }
    for vector in 0..<3 {
      for head in 0..<shape.group {
        let from = (head * 3 + vector) * width
        queries += sums[from..<from + width].map { $0 / Float(GateExamples.tileSize) }
      }
    }
  }

  /// Appends the mean over the rows of the softmax weights of each block: [blocks].
  private func addMasses(_ scores: [Float], columns: Int, blocks: Int, to masses: inout [Float]) {
    var sums = [Float](repeating: 0, count: blocks)
    scores.withUnsafeBufferPointer { scores in
      sums.withUnsafeMutableBufferPointer { sums in
        var index = 0
        while index < scores.count {
          sums[index % columns / summary.run] += scores[index]
          index &+= 1
        }
      }
    }
    let rows = Float(scores.count / columns)
    masses += sums.map { $0 / rows }
  }
}
