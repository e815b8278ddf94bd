import Tensors

/// Computes the residual stream of a chunk of one sequence, layer by layer.
///
/// A value that lives for one chunk, used by the thread that leads the crew.
struct ForwardPass {
  let weights: Weights
  let attention: AttentionKind
  let rotary: RotaryTable
  let mode: NumericMode
  let kernels: Kernels
  let workspace: Workspace
  /// Scores for `dense`, per lane.
  let scores: ScoreMatrices
  let crew: Crew
  let lane: Int

  private var parameters: HyperParameters { weights.parameters }

  /// Runs `tokens` through all layers, at the positions that follow those in `cache`.
  ///
  /// Afterwards the workspace's stream holds a row for each token, and `cache` their keys and
  /// values.
  ///
  /// - Parameter tokens: 1...`Workspace.chunkLimit`, all in the vocabulary
  /// - Throws: `cacheFull`; the cache is as before then.
  func run(_ tokens: ArraySlice<Token>, cache: inout KeyValueCache) throws(TransformerError) {
    let rows = tokens.count
    precondition((1...Workspace.chunkLimit).contains(rows), "a chunk of \(rows) tokens")
    let positions = cache.length..<cache.length + rows
    try cache.reserve(upTo: positions.upperBound)
    try scores.reserve(attention, positions: positions)
    embed(tokens)
    prepareRotation(positions)
    for layer in weights.blocks.indices {
      attend(layer, positions, cache)
      feedForward(layer, rows: rows)
    }
    cache.advance(by: rows)
    cache.forget(attention)
  }

  /// The logits of some rows of the stream, into the workspace's first rows of logits.
  ///
  /// - Parameter rows: at most `Workspace.logitRows`
  func computeLogits(rows: Range<Int>) {
    computeLogits(of: workspace.stream + rows.lowerBound * parameters.width, rows: rows.count)
  }

  /// The logits of rows of a stream that may have been kept from an earlier pass, into the
  /// workspace's first rows of logits.
  ///
  /// - Parameters:
  ///   - stream: [rows, width]
  ///   - rows: at most `Workspace.logitRows`
  func computeLogits(of stream: UnsafePointer<Float>, rows: Int) {
    precondition(rows <= Workspace.logitRows, "\(rows) rows of logits")
    let space = workspace
    let width = parameters.width
    for row in 0..<rows {
      kernels.rmsNorm(
        stream + row * width, weight: weights.outputNorm.pointer,
        epsilon: parameters.normEpsilon, width: width, into: space.normed.row(row))
    }
    if mode == .int8 { space.normed.quantise(0..<rows, kernels: kernels) }
    multiply(
      [Product(weights.head, into: space.logits, stride: space.logitStride)], space.normed,
      rows: rows)
  }

  // MARK: Steps

  private func embed(_ tokens: ArraySlice<Token>) {
    for (row, token) in tokens.enumerated() {
      weights.embedding.unpackRow(Int(token), into: workspace.stream + row * parameters.width)
    }
  }

  private func prepareRotation(_ positions: Range<Int>) {
    let pairs = rotary.frequencies.count
    for (row, position) in positions.enumerated() {
      rotary.write(
        position: position, cosines: workspace.cosines + row * pairs,
        sines: workspace.sines + row * pairs)
    }
  }

  private func attend(_ layer: Int, _ positions: Range<Int>, _ cache: KeyValueCache) {
    let block = weights.blocks[layer]
    let rows = positions.count
    let space = workspace
    normalise(block.attentionNorm, rows: rows)
    multiply(
      [
        Product(block.queries, into: space.queries, stride: parameters.queryWidth),
        Product(block.keys, into: space.keys, stride: parameters.keyValueWidth),
        Product(block.values, into: space.values, stride: parameters.keyValueWidth),
      ], space.normed, rows: rows)
    rotateAndStore(layer, positions, cache)
    AttentionStep(pass: self, layer: layer, positions: positions, cache: cache).run()
    if mode == .int8 {
      forEach(rows, grain: 16) { range, _ in space.attended.quantise(range, kernels: kernels) }
    }
    multiply(
      [
        Product(
          block.attentionOutput, into: space.stream, stride: parameters.width, accumulates: true)
      ], space.attended, rows: rows)
  }

  private func feedForward(_ layer: Int, rows: Int) {
    let block = weights.blocks[layer]
    let space = workspace
    let hidden = parameters.hiddenWidth
    normalise(block.feedForwardNorm, rows: rows)
    let tile = PackedMatrix.tileRows
    forEach(block.gate.tileCount, grain: grain(block.gate.tileCount)) { tiles, _ in
      for (matrix, out) in [(block.gate, space.gate.floats), (block.up, space.up)] {
        matrix.multiply(
          tiles: tiles, space.normed, xRows: 0..<rows, into: out, stride: hidden, mode: mode,
          kernels: kernels)
      }
      let first = tiles.lowerBound * tile
      kernels.swiGLU(
        gate: space.gate.floats + first, up: space.up + first, rows: rows,
        columns: tiles.count * tile, stride: hidden)
    }
    if mode == .int8 {
      forEach(rows, grain: 16) { range, _ in space.gate.quantise(range, kernels: kernels) }
    }
    multiply(
      [Product(block.down, into: space.stream, stride: parameters.width, accumulates: true)],
      space.gate, rows: rows)
  }

  /// normed = norm of the stream, quantised where the mode asks for it.
  private func normalise(_ weight: FloatVector, rows: Int) {
    let space = workspace
    let width = parameters.width
    let epsilon = parameters.normEpsilon
    forEach(rows, grain: 16) { range, _ in
      for row in range {
        kernels.rmsNorm(
          space.stream + row * width, weight: weight.pointer, epsilon: epsilon, width: width,
          into: space.normed.row(row))
      }
      if mode == .int8 { space.normed.quantise(range, kernels: kernels) }
    }
  }

  private func rotateAndStore(_ layer: Int, _ positions: Range<Int>, _ cache: KeyValueCache) {
    let space = workspace
    let parameters = parameters
    let (headWidth, pairs) = (parameters.headWidth, rotary.frequencies.count)
    forEach(positions.count, grain: 16) { range, _ in
      for row in range {
        let cosines = space.cosines + row * pairs
        let sines = space.sines + row * pairs
        let keys = space.keys + row * parameters.keyValueWidth
        kernels.rotate(
          space.queries + row * parameters.queryWidth, cosines: cosines, sines: sines,
          heads: parameters.heads, headWidth: headWidth, pairs: pairs)
        kernels.rotate(
          keys, cosines: cosines, sines: sines, heads: parameters.keyValueHeads,
          headWidth: headWidth, pairs: pairs)
        let position = positions.lowerBound + row
        for head in 0..<parameters.keyValueHeads {
          let block = cache.block(position / KeyBlock.keyCount, layer: layer, keyValueHead: head)
          block?.store(
            key: keys + head * headWidth,
            value: space.values + row * parameters.keyValueWidth + head * headWidth,
            headWidth: headWidth, slot: position % KeyBlock.keyCount, kernels: kernels)
        }
      }
    }
  }

  // MARK: Sharing the work

  /// A product and where its result goes.
  private struct Product {
    let matrix: PackedMatrix
    let out: UnsafeMutablePointer<Float>
    let stride: Int
    let accumulates: Bool

    init(
      _ matrix: PackedMatrix, into out: UnsafeMutablePointer<Float>, stride: Int,
      accumulates: Bool = false
    ) {
      self.matrix = matrix
      self.out = out
      self.stride = stride
      self.accumulates = accumulates
    }
  }

  /// Computes products with the same activations as one loop over all their tiles.
  private func multiply(_ products: [Product], _ x: Activations, rows: Int) {
    let count = products.reduce(0) { $0 + $1.matrix.tileCount }
    forEach(count, grain: grain(count)) { range, _ in
      var first = 0
      for product in products {
        let tiles = range.clamped(to: first..<first + product.matrix.tileCount)
        if !tiles.isEmpty {
          product.matrix.multiply(
            tiles: tiles.lowerBound - first..<tiles.upperBound - first, x, xRows: 0..<rows,
            into: product.out, stride: product.stride, accumulates: product.accumulates,
            mode: mode, kernels: kernels)
        }
        first += product.matrix.tileCount
      }
    }
  }

  /// Tiles to take at a time: four pieces for each thread even out their speeds.
  private func grain(_ count: Int) -> Int {
    crew.size == 1 ? count : max(1, count / (4 * crew.size))
  }

  /// Runs `body` over 0..<count in ranges of `grain`, on whoever helps.
  func forEach(_ count: Int, grain: Int, _ body: (_ range: Range<Int>, _ lane: Int) -> Void) {
    let size = max(grain, (count + Crew.itemLimit - 1) / Crew.itemLimit)
    crew.forEach((count + size - 1) / size, lane: lane) { item, lane in
      body(item * size..<min(count, (item + 1) * size), lane)
    }
  }
}
