import Tensors

/// Computes the residual stream of some rows, layer by layer: a chunk of one sequence, or the last
/// tokens of several.
///
/// What a row becomes depends on its sequence alone: every kernel gives a row the same bits
/// whatever rows are beside it, and attention reads the row's own cache.
///
/// A value that lives for one chunk or step, used by the thread that leads the crew.
struct ForwardPass {
  let weights: Weights
  let form: ProductForm
  /// The form in which logits are computed that a token is drawn from: of one row at a time, so
  /// that vectors do it sooner than matrix units.
  let drawingForm: ProductForm
  let kernels: Kernels
  let workspace: Workspace
  /// Scores for `dense`, per lane.
  let scores: ScoreMatrices
  let crew: Crew
  let lane: Int
  /// Sees each layer when its queries are rotated and its keys are cached, before it attends.
  var observe: ((_ layer: Int) -> Void)?

  private var parameters: HyperParameters { weights.parameters }

  /// Seconds that attention took.
  struct AttentionTime {
    /// By the clock.
    var seconds = 0.0
    /// What it takes for each sequence, when all threads of the crew work on it.
    var ofSequences: [Double] = []
  }

  /// Runs the next `tokens` of `variant`'s sequence, and counts them as part of `cache`.
  ///
  /// - Parameter tokens: what `variant.chunk` gave: not empty, and all in the vocabulary
  /// - Throws: `cacheFull`; the cache is as before then.
  func run(
    _ tokens: ArraySlice<Token>, of variant: ModelVariant, cache: inout KeyValueCache
  ) throws(TransformerError) {
    try prepare(&cache, of: variant, for: tokens.count)
    _ = try run([SequenceRows(tokens, of: variant, after: cache)])
    cache.advance(by: tokens.count)
    cache.forget(variant.attention)
  }

  /// Makes `cache` ready for the next `count` positions, which are in one stage of the rotation.
  ///
  /// - Throws: `cacheFull`; the keys are as before then.
  func prepare(
    _ cache: inout KeyValueCache, of variant: ModelVariant, for count: Int
  ) throws(TransformerError) {
    try cache.reserve(upTo: cache.length + count)
    try turnKeys(&cache, to: variant.rotary)
  }

  /// Runs some rows through all layers.
  ///
  /// Afterwards the workspace's stream holds the rows in the order given, and the caches their keys
  /// and values, which the caller counts as complete.
  ///
  /// - Parameter sequences: 1...`Workspace.sequenceLimit`, with `Workspace.chunkLimit` tokens in
  ///   all, of different caches
  /// - Throws: `overloaded` if the system has no memory for the scores.
  @discardableResult
  func run(_ sequences: [SequenceRows]) throws(TransformerError) -> AttentionTime {
    let places = sequences.enumerated().flatMap { index, sequence in
      sequence.positions.map { RowPlace(sequence: index, position: $0) }
    }
    let rows = places.count
    precondition((1...Workspace.chunkLimit).contains(rows), "a pass of \(rows) tokens")
    precondition(sequences.count <= Workspace.sequenceLimit, "\(sequences.count) sequences")
    var steps: [AttentionStep] = []
    var first = 0
    for sequence in sequences {
      try scores.reserve(sequence.attention, positions: sequence.positions)
      steps.append(AttentionStep(pass: self, sequence: sequence, firstRow: first))
      first += sequence.tokens.count
    }
    embed(sequences.flatMap(\.tokens))
    prepareRotation(places, sequences)
    var time = AttentionTime()
    workspace.clearSeconds()
    for layer in weights.blocks.indices {
      project(layer, rows: rows)
      rotateAndStore(layer, places, sequences)
      for sequence in sequences { summarise(layer, sequence.positions, sequence.cache) }
      observe?(layer)
      let begin = ContinuousClock.now
      attend(layer, steps)
      time.seconds += (.now - begin).seconds
      addAttended(layer, rows: rows)
      feedForward(layer, rows: rows)
    }
    time.ofSequences = sequences.indices.map {
      workspace.seconds(sequence: $0) / Double(crew.size)
    }
    return time
  }

  /// The sequence and the position of a row.
  private struct RowPlace {
    let sequence: Int
    let position: Int
  }

  /// The logits of some rows of the stream, into the workspace's first rows of logits.
  ///
  /// - Parameters:
  ///   - rows: at most `Workspace.logitRows`
  ///   - form: the pass's own if `nil`
  func computeLogits(rows: Range<Int>, form: ProductForm? = nil) {
    computeLogits(
      of: workspace.stream + rows.lowerBound * parameters.width, rows: rows.count, form: form)
  }

  /// The logits of rows of a stream that may have been kept from an earlier pass, into the
  /// workspace's first rows of logits.
  ///
  /// - Parameters:
  ///   - stream: [rows, width]
  ///   - rows: at most `Workspace.logitRows`
  ///   - form: the pass's own if `nil`
  func computeLogits(of stream: UnsafePointer<Float>, rows: Int, form: ProductForm? = nil) {
    precondition(rows <= Workspace.logitRows, "\(rows) rows of logits")
    let space = workspace
    let width = parameters.width
    for row in 0..<rows {
      kernels.rmsNorm(
        stream + row * width, weight: weights.outputNorm.pointer,
        epsilon: parameters.normEpsilon, width: width, into: space.normed.row(row))
    }
    let form = form ?? self.form
    space.normed.prepare(0..<rows, form: form, kernels: kernels)
    multiply(
      [Product(weights.head, into: space.logits, stride: space.logitStride)], space.normed,
      rows: rows, form: form)
  }

  // MARK: Steps

  private func embed(_ tokens: [Token]) {
    for (row, token) in tokens.enumerated() {
      weights.embedding.unpackRow(Int(token), into: workspace.stream + row * parameters.width)
    }
  }

  private func prepareRotation(_ places: [RowPlace], _ sequences: [SequenceRows]) {
    let pairs = parameters.rotaryWidth / 2
    let tables = sequences.map(\.rotaryTable)
    for (row, place) in places.enumerated() {
      let table = tables[place.sequence]
      table.write(
        position: place.position, cosines: workspace.cosines + row * pairs,
        sines: workspace.sines + row * pairs)
      guard let sinkReach = sequences[place.sequence].sinkReach else { continue }
      let sinkRow = Workspace.chunkLimit + row
      table.write(
        position: min(place.position, sinkReach - 1),
        cosines: workspace.cosines + sinkRow * pairs, sines: workspace.sines + sinkRow * pairs)
    }
  }

  /// Queries, keys and values of the rows.
  private func project(_ layer: Int, rows: Int) {
    let block = weights.blocks[layer]
    let space = workspace
    normalise(block.attentionNorm, rows: rows)
    multiply(
      [
        Product(block.queries, into: space.queries, stride: parameters.queryWidth),
        Product(block.keys, into: space.keys, stride: parameters.keyValueWidth),
        Product(block.values, into: space.values, stride: parameters.keyValueWidth),
      ], space.normed, rows: rows)
  }

  /// The attention of all sequences as one loop, and the time of each.
  private func attend(_ layer: Int, _ steps: [AttentionStep]) {
    let count = steps.reduce(0) { $0 + $1.itemCount }
    forEach(count, grain: crew.size == 1 ? count : 1) { items, lane in
      var blocks = KeyBlockList()
      var first = 0
      for (index, step) in steps.enumerated() {
        let own = items.clamped(to: first..<first + step.itemCount)
        if !own.isEmpty {
          let begin = ContinuousClock.now
          for item in own { step.run(item - first, layer: layer, lane: lane, &blocks) }
          workspace.add((.now - begin).seconds, sequence: index, lane: lane)
        }
        first += step.itemCount
      }
    }
  }

  /// stream += what attention gave, projected.
  private func addAttended(_ layer: Int, rows: Int) {
    let space = workspace
    prepare(space.attended, rows: rows)
    multiply(
      [
        Product(
          weights.blocks[layer].attentionOutput, into: space.stream, stride: parameters.width,
          accumulates: true)
      ], space.attended, rows: rows)
  }

  private func feedForward(_ layer: Int, rows: Int) {
    let block = weights.blocks[layer]
    let space = workspace
    normalise(block.feedForwardNorm, rows: rows)
    if block.gate.hasGatedProduct(form) {
      let pairs = block.gate.tileCount / 2
      forEach(pairs, grain: grain(pairs)) { range, _ in
        block.gate.gatedProduct(
          block.up, tiles: 2 * range.lowerBound..<2 * range.upperBound, space.normed, xRows: rows,
          into: space.gate, form: form, kernels: kernels)
      }
    } else {
      gate(block, rows: rows)
      prepare(space.gate, rows: rows)
    }
    multiply(
      [Product(block.down, into: space.stream, stride: parameters.width, accumulates: true)],
      space.gate, rows: rows)
  }

  /// The feed-forward part's hidden activations, as floats.
  private func gate(_ block: Weights.Block, rows: Int) {
    let space = workspace
    let hidden = parameters.hiddenWidth
    let tile = PackedMatrix.tileRows
    forEach(block.gate.tileCount, grain: grain(block.gate.tileCount)) { tiles, _ in
      for (matrix, out) in [(block.gate, space.gate.floats), (block.up, space.up)] {
        matrix.multiply(
          tiles: tiles, space.normed, xRows: 0..<rows, into: out, stride: hidden, form: form,
          kernels: kernels)
      }
      let first = tiles.lowerBound * tile
      kernels.swiGLU(
        gate: space.gate.floats + first, up: space.up + first, rows: rows,
        columns: tiles.count * tile, stride: hidden)
    }
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
      space.normed.prepare(range, form: form, kernels: kernels)
    }
  }

  /// Brings activations into the form that products want.
  private func prepare(_ x: Activations, rows: Int) {
    guard form != .floats else { return }
    forEach(rows, grain: 16) { range, _ in x.prepare(range, form: form, kernels: kernels) }
  }

  private func rotateAndStore(
    _ layer: Int, _ places: [RowPlace], _ sequences: [SequenceRows]
  ) {
    let space = workspace
    let parameters = parameters
    let (headWidth, pairs) = (parameters.headWidth, parameters.rotaryWidth / 2)
    forEach(places.count, grain: 16) { range, _ in
      for row in range {
        let cosines = space.cosines + row * pairs
        let sines = space.sines + row * pairs
        let keys = space.keys + row * parameters.keyValueWidth
        weights.blocks[layer].addBiases(
          queries: space.queries + row * parameters.queryWidth, keys: keys,
          values: space.values + row * parameters.keyValueWidth)
        if sequences[places[row].sequence].sinkReach != nil { rotateForSinks(row: row) }
        kernels.rotate(
          space.queries + row * parameters.queryWidth, cosines: cosines, sines: sines,
          heads: parameters.heads, headWidth: headWidth, pairs: pairs)
        kernels.rotate(
          keys, cosines: cosines, sines: sines, heads: parameters.keyValueHeads,
          headWidth: headWidth, pairs: pairs)
        let (block, slot) = places[row].position.quotientAndRemainder(
          dividingBy: KeyBlock.keyCount)
        let cache = sequences[places[row].sequence].cache
        for head in 0..<parameters.keyValueHeads {
          cache.block(block, layer: layer, keyValueHead: head)?.store(
            key: keys + head * headWidth,
            value: space.values + row * parameters.keyValueWidth + head * headWidth,
            headWidth: headWidth, slot: slot, kernels: kernels)
        }
      }
    }
  }

  /// Rotates a copy of a row's queries by the position from which they look at the sinks.
  private func rotateForSinks(row: Int) {
    let (width, pairs) = (parameters.queryWidth, parameters.rotaryWidth / 2)
    let queries = workspace.sinkQueries + row * width
    queries.update(from: workspace.queries + row * width, count: width)
    let angles = (Workspace.chunkLimit + row) * pairs
    kernels.rotate(
      queries, cosines: workspace.cosines + angles, sines: workspace.sines + angles,
      heads: parameters.heads, headWidth: parameters.headWidth, pairs: pairs)
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
  private func multiply(
    _ products: [Product], _ x: Activations, rows: Int, form: ProductForm? = nil
  ) {
    let form = form ?? self.form
    let count = products.reduce(0) { $0 + $1.matrix.tileCount }
    forEach(count, grain: grain(count)) { range, _ in
      var first = 0
      for product in products {
        let tiles = range.clamped(to: first..<first + product.matrix.tileCount)
        if !tiles.isEmpty {
          product.matrix.multiply(
            tiles: tiles.lowerBound - first..<tiles.upperBound - first, x, xRows: 0..<rows,
            into: product.out, stride: product.stride, accumulates: product.accumulates,
            form: form, kernels: kernels)
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
