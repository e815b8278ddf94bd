import Tensors

/// A model of the Llama family in memory: repacked once, then only read.
///
/// Everything that attends to text with these weights, in whatever way, shares one object.
package final class Weights: Sendable {
  /// One transformer block.
  struct Block: Sendable {
    let attentionNorm: FloatVector
    let queries: PackedMatrix
    let keys: PackedMatrix
    let values: PackedMatrix
    /// `[queryWidth]`, `nil` where the model has none; so are the others.
    let queryBias: FloatVector?
    let keyBias: FloatVector?
    let valueBias: FloatVector?
    let attentionOutput: PackedMatrix
    let feedForwardNorm: FloatVector
    let gate: PackedMatrix
    let up: PackedMatrix
    let down: PackedMatrix
  }

  package let parameters: HyperParameters
  let embedding: PackedMatrix
  let blocks: [Block]
  let outputNorm: FloatVector
  /// The output head; the embedding itself where the file ties them.
  let head: PackedMatrix
  /// Bytes that the packed weights take.
  package let byteCount: Int

  /// Reads, checks and repacks the weights of a file.
  ///
  /// - Parameter threads: that repack at the same time
  /// - Throws: `malformedFile` for missing tensors or wrong shapes, `unsupportedFile` for formats
  ///   this engine does not multiply, `unreadableFile` if the disk fails or the file changes.
  package convenience init(
    _ file: GGUFFile, threads: Int = ComputeThread.processorCount
  ) throws(TransformerError) {
    var parameters = try HyperParameters(file)
    var loader = WeightLoader(
      file.tensors.mapValues { StoredTensor(tensor: $0, file: file.file) })
    if loader.contains("rope_freqs.weight") {
      parameters.rotaryDivisors = try loader.floats(
        "rope_freqs.weight", count: parameters.rotaryWidth / 2
      ).map(Double.init)
      guard parameters.rotaryDivisors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
        throw TransformerError(
          .malformedFile,
          "'rope_freqs.weight' has a divisor that is not a positive number; fetch the file anew")
      }
    }
    try self.init(parameters, &loader)
    try loader.checkAllUsed()
    try loader.packAll(threads: threads)
    try file.file.checkUnchanged()
  }

  /// Reads, checks and repacks the weights of a checkpoint, as those of a GGUF file.
  ///
  /// - Parameter threads: that repack at the same time
  /// - Throws: as for a file
  package convenience init(
    _ checkpoint: Checkpoint, threads: Int
  ) throws(TransformerError) {
    var loader = WeightLoader(checkpoint.tensors)
    try self.init(checkpoint.parameters, &loader)
    try loader.checkAllUsed()
    try loader.packAll(threads: threads)
    for file in checkpoint.files { try file.checkUnchanged() }
  }

  /// Lays the matrices out; `loader` fills them afterwards.
  private init(
    _ parameters: HyperParameters, _ loader: inout WeightLoader
  ) throws(TransformerError) {
    let width = parameters.width
    embedding = try loader.matrix(
      "token_embd.weight", rows: parameters.vocabularySize, columns: width)
    var blocks: [Block] = []
    for index in 0..<parameters.blockCount {
      blocks.append(try Block(parameters, index: index, &loader))
    }
    self.blocks = blocks
    outputNorm = try loader.vector("output_norm.weight", count: width)
    head =
      loader.contains("output.weight")
      ? try loader.matrix("output.weight", rows: parameters.vocabularySize, columns: width)
      : embedding
    self.parameters = parameters
    byteCount = loader.byteCount
  }
}

extension Weights.Block {
  /// Adds the biases, where there are any, to one position's results of the three matrices.
  func addBiases(
    queries: UnsafeMutablePointer<Float>, keys: UnsafeMutablePointer<Float>,
    values: UnsafeMutablePointer<Float>
  ) {
    queryBias?.add(to: queries)
    keyBias?.add(to: keys)
    valueBias?.add(to: values)
  }

  fileprivate init(
    _ parameters: HyperParameters, index: Int, _ loader: inout WeightLoader
  ) throws(TransformerError) {
    let width = parameters.width
    let hidden = parameters.hiddenWidth
    let prefix = "blk.\(index)."
    attentionNorm = try loader.vector(prefix + "attn_norm.weight", count: width)
    let (queryWidth, keyValueWidth) = (parameters.queryWidth, parameters.keyValueWidth)
    let order = parameters.rowOrder
    queries = try loader.matrix(
      prefix + "attn_q.weight", rows: queryWidth, columns: width, order: order)
    keys = try loader.matrix(
      prefix + "attn_k.weight", rows: keyValueWidth, columns: width, order: order)
    values = try loader.matrix(prefix + "attn_v.weight", rows: keyValueWidth, columns: width)
    queryBias = try loader.optionalVector(
      prefix + "attn_q.bias", count: queryWidth, order: order)
    keyBias = try loader.optionalVector(
      prefix + "attn_k.bias", count: keyValueWidth, order: order)
    valueBias = try loader.optionalVector(prefix + "attn_v.bias", count: keyValueWidth)
    attentionOutput = try loader.matrix(
      prefix + "attn_output.weight", rows: width, columns: parameters.queryWidth)
    feedForwardNorm = try loader.vector(prefix + "ffn_norm.weight", count: width)
    gate = try loader.matrix(prefix + "ffn_gate.weight", rows: hidden, columns: width)
    up = try loader.matrix(prefix + "ffn_up.weight", rows: hidden, columns: width)
    down = try loader.matrix(prefix + "ffn_down.weight", rows: width, columns: hidden)
  }
}
