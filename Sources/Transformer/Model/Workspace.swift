import Tensors

/// The buffers of one forward pass at a time, for one shape of model.
///
/// T is the number of rows (tokens) of a chunk.
struct Workspace {
  /// The most tokens of one pass.
  static let chunkLimit = 256
  /// Rows of logits that are computed together when every row is wanted.
  static let logitRows = 16
  /// The most sequences of one pass.
  static let sequenceLimit = 16

  let parameters: HyperParameters
  /// [T, width]: the residual stream.
  let stream: UnsafeMutablePointer<Float>
  /// [T, width]: what a layer reads, normalised.
  let normed: Activations
  /// [T, heads · headWidth]
  let queries: UnsafeMutablePointer<Float>
  /// [T, heads · headWidth]: as they look at the sinks of a window that streams.
  let sinkQueries: UnsafeMutablePointer<Float>
  /// [T, keyValueHeads · headWidth]
  let keys: UnsafeMutablePointer<Float>
  /// [T, keyValueHeads · headWidth]
  let values: UnsafeMutablePointer<Float>
  /// [T, heads · headWidth]: what attention gives.
  let attended: Activations
  /// [T, hiddenWidth]
  let gate: Activations
  /// [T, hiddenWidth]
  let up: UnsafeMutablePointer<Float>
  /// [2, T, rotaryWidth / 2]: of the positions; then of those from which sinks are looked at.
  let cosines: UnsafeMutablePointer<Float>
  /// [2, T, rotaryWidth / 2]
  let sines: UnsafeMutablePointer<Float>
  /// [logitRows, logitStride]
  let logits: UnsafeMutablePointer<Float>
  let logitStride: Int
  /// [lanes, scratchStride]: what attention needs for itself, per thread.
  private let scratch: UnsafeMutablePointer<Float>
  private let scratchStride: Int
  /// [lanes, sequenceLimit]: what attention took, by thread and sequence.
  private let seconds: UnsafeMutablePointer<Double>
  private let lanes: Int
  private let memory: Memory

  var byteCount: Int { memory.byteCount }

  /// - Parameter lanes: threads that may work on one pass
  /// - Throws: `overloaded` if the system has no memory.
  init(_ parameters: HyperParameters, lanes: Int) throws(TransformerError) {
    let rows = Self.chunkLimit
    let scratchStride = (QueryTile.scratchCount(headWidth: parameters.headWidth) + 15) / 16 * 16
    let tile = PackedMatrix.tileRows
    let logitStride = (parameters.vocabularySize + tile - 1) / tile * tile
    let pairs = parameters.rotaryWidth / 2
    let floats = [
      rows * parameters.width, rows * parameters.queryWidth, rows * parameters.queryWidth,
      rows * parameters.keyValueWidth, rows * parameters.keyValueWidth,
      rows * parameters.hiddenWidth, 2 * rows * pairs, 2 * rows * pairs,
      Self.logitRows * logitStride, lanes * scratchStride,
    ]
    let byteCount =
      floats.reduce(0) { $0 + Arena.byteCount($1, Float.self) }
      + Arena.byteCount(lanes * Self.sequenceLimit, Double.self)
      + Activations.byteCount(rows: rows, columns: parameters.width)
      + Activations.byteCount(rows: rows, columns: parameters.queryWidth)
      + Activations.byteCount(rows: rows, columns: parameters.hiddenWidth)
    guard let memory = Memory(byteCount: byteCount) else {
      throw TransformerError(.overloaded, "the system has no memory for \(byteCount) bytes")
    }
    var arena = Arena(memory)
    self.parameters = parameters
    stream = arena.take(rows * parameters.width)
    normed = Activations(rows: rows, columns: parameters.width, from: &arena)
    queries = arena.take(rows * parameters.queryWidth)
    sinkQueries = arena.take(rows * parameters.queryWidth)
    keys = arena.take(rows * parameters.keyValueWidth)
    values = arena.take(rows * parameters.keyValueWidth)
    attended = Activations(rows: rows, columns: parameters.queryWidth, from: &arena)
    gate = Activations(rows: rows, columns: parameters.hiddenWidth, from: &arena)
    up = arena.take(rows * parameters.hiddenWidth)
    cosines = arena.take(2 * rows * pairs)
    sines = arena.take(2 * rows * pairs)
    logits = arena.take(Self.logitRows * logitStride)
    scratch = arena.take(lanes * scratchStride)
    seconds = arena.take(lanes * Self.sequenceLimit)
    self.lanes = lanes
    self.logitStride = logitStride
    self.scratchStride = scratchStride
    self.memory = memory
  }

  func scratch(lane: Int) -> UnsafeMutablePointer<Float> { scratch + lane * scratchStride }

  /// Begins to count the time of attention anew.
  func clearSeconds() {
    seconds.update(repeating: 0, count: lanes * Self.sequenceLimit)
  }

  /// Counts time that one thread spent on a sequence's attention.
  func add(_ time: Double, sequence: Int, lane: Int) {
    seconds[lane * Self.sequenceLimit + sequence] += time
  }

  /// What all threads together spent on a sequence's attention.
  func seconds(sequence: Int) -> Double {
    (0..<lanes).reduce(0) { $0 + seconds[$1 * Self.sequenceLimit + sequence] }
  }

  /// One row of logits, without the columns that fill up the last tile.
  func logits(row: Int) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: logits + row * logitStride, count: parameters.vocabularySize)
  }
}
