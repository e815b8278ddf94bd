import Tensors

/// The shape of a model of the Llama family, checked against what this engine can compute.
///
/// Touvron et al. 2023, "LLaMA"; grouped-query attention as in Ainslie et al. 2023. The family
/// differs in whether query, key and value have biases (Qwen team 2024, "Qwen2 Technical Report"),
/// which the tensors tell, and in which channels are rotated together.
package struct HyperParameters: Hashable, Sendable {
  package let blockCount: Int
  /// Channels of the residual stream, a multiple of 32.
  package let width: Int
  /// Channels inside a feed-forward layer, a multiple of 32.
  package let hiddenWidth: Int
  package let heads: Int
  /// Divides `heads`.
  package let keyValueHeads: Int
  /// Channels of a head, a multiple of 16.
  package let headWidth: Int
  /// Channels of a head that positions rotate, even and at most `headWidth`.
  package let rotaryWidth: Int
  package let rotaryBase: Double
  /// What each rotary frequency is divided by; all 1 unless the file brings its own.
  package internal(set) var rotaryDivisors: [Double]
  /// Whether channel i of a head is rotated with i + d/2 of the `rotaryWidth` d, not its neighbour.
  package internal(set) var rotatesHalves: Bool
  /// What the file itself stretches its rotation by.
  package let rotaryScaling: RotaryScaling
  /// Positions that the model was trained on before the file's own scaling.
  package let unscaledContextLength: Int
  package let normEpsilon: Float
  /// Positions that the model was trained on, with the file's own scaling.
  package let contextLength: Int
  package let vocabularySize: Int

  /// Query heads that share a key/value head.
  package var group: Int { heads / keyValueHeads }
  /// Channels of all heads' queries.
  package var queryWidth: Int { heads * headWidth }
  /// Channels of all key/value heads.
  package var keyValueWidth: Int { keyValueHeads * headWidth }

  /// How rows of queries and keys are reordered so that neighbours are rotated, or `nil` where they
  /// need not be.
  var rowOrder: RowOrder? {
    rotatesHalves ? RowOrder(headWidth: headWidth, rotaryWidth: rotaryWidth) : nil
  }

  /// Reads and checks the metadata of a file.
  ///
  /// - Throws: `unsupportedFile` for another architecture or a shape this engine does not compute,
  ///   `malformedFile` for missing or absurd numbers; either names the key.
  package init(_ file: GGUFFile) throws(TransformerError) {
    rotatesHalves = try Self.architecture(file) == "qwen2"
    blockCount = try Self.count(file, "block_count", 1...1_024)
    width = try Self.count(file, "embedding_length", 32...65_536, multipleOf: 32)
    hiddenWidth = try Self.count(file, "feed_forward_length", 32...262_144, multipleOf: 32)
    heads = try Self.count(file, "attention.head_count", 1...1_024)
    keyValueHeads = try Self.count(
      file, "attention.head_count_kv", 1...1_024, default: heads)
    guard heads % keyValueHeads == 0, heads / keyValueHeads <= QueryTile.groupLimit else {
      throw TransformerError(
        .malformedFile, "\(heads) heads cannot share \(keyValueHeads) key/value heads")
    }
    headWidth = try Self.count(
      file, "attention.key_length", 16...1_024, multipleOf: 16, default: width / heads)
    let valueWidth = try Self.count(
      file, "attention.value_length", 16...1_024, multipleOf: 16, default: headWidth)
    guard valueWidth == headWidth, heads * headWidth % ElementFormat.block == 0 else {
      throw TransformerError(
        .unsupportedFile,
        "\(heads) heads with keys of \(headWidth) and values of \(valueWidth) channels; they must "
          + "be equal and fill whole blocks of \(ElementFormat.block)")
    }
    rotaryWidth = try Self.count(
      file, "rope.dimension_count", 2...headWidth, multipleOf: 2, default: headWidth)
    rotaryBase = try Self.positive(file, "rope.freq_base", below: 1e12, default: 10_000)
    rotaryDivisors = [Double](repeating: 1, count: rotaryWidth / 2)
    normEpsilon = Float(
      try Self.positive(file, "attention.layer_norm_rms_epsilon", below: 1, default: nil))
    contextLength = try Self.count(file, "context_length", 1...(1 << 24))
    vocabularySize = try Self.vocabularySize(file)
    rotaryScaling = try Self.rotaryScaling(file)
    unscaledContextLength = try Self.count(
      file, "rope.scaling.original_context_length", 1...contextLength, default: contextLength)
  }

  /// What the metadata's keys begin with.
  private static func architecture(_ file: GGUFFile) throws(TransformerError) -> String {
    guard let architecture = try file.string("general.architecture") else {
      throw TransformerError(.malformedFile, "the file does not say its general.architecture")
    }
    guard ["llama", "qwen2"].contains(architecture) else {
      throw TransformerError(
        .unsupportedFile,
        "the architecture is '\(architecture)'; 'llama' and 'qwen2' are supported")
    }
    return architecture
  }

  /// Taken from the embedding itself, because not every file says it in the metadata.
  private static func vocabularySize(_ file: GGUFFile) throws(TransformerError) -> Int {
    guard let embedding = file.tensors["token_embd.weight"], embedding.dimensions.count == 2 else {
      throw TransformerError(.malformedFile, "there is no matrix 'token_embd.weight'")
    }
    let size = embedding.dimensions[1]
    guard (1...(1 << 20)).contains(size) else {
      throw TransformerError(.malformedFile, "a vocabulary of \(size) tokens")
    }
    // Fewer are usual: rows that fill up an embedding have no token.
    if let tokens = try file.array("tokenizer.ggml.tokens"), tokens.count > size {
      throw TransformerError(
        .malformedFile,
        "the tokenizer has \(tokens.count) tokens, but 'token_embd.weight' only \(size) rows")
    }
    return size
  }

  /// What the file says of its own rotation.
  private static func rotaryScaling(_ file: GGUFFile) throws(TransformerError) -> RotaryScaling {
    let architecture = try architecture(file)
    let prefix = "\(architecture).rope.scaling."
    // As llama.cpp reads it: a factor alone scales linearly, and none or 0 does not scale.
    let kind = try file.string(prefix + "type") ?? "linear"
    let oldFactor = try file.number("\(architecture).rope.scale_linear") ?? 0
    let found = try file.number(prefix + "factor") ?? oldFactor
    let factor = found == 0 ? 1 : found
    guard kind == "none" || (1...RotaryScaling.factorLimit).contains(factor) else {
      throw TransformerError(
        .unsupportedFile,
        "metadata '\(prefix)factor' is \(factor), not from 1 to \(RotaryScaling.factorLimit)")
    }
    switch kind {
    case "none": return .none
    case "linear": return factor == 1 ? .none : .linear(factor: factor)
    case "yarn":
      try checkYaRN(file, prefix)
      return .yarn(factor: factor, ramp: .pairs)
    default:
      throw TransformerError(
        .unsupportedFile,
        "the file asks for RoPE scaling '\(kind)'; none, linear and yarn are supported")
    }
  }

  /// Refuses a YaRN with other constants than the paper's.
  private static func checkYaRN(_ file: GGUFFile, _ prefix: String) throws(TransformerError) {
    let usual: [(String, Double)] = [
      ("attn_factor", 1), ("yarn_attn_factor", 1), ("yarn_ext_factor", 1), ("yarn_beta_fast", 32),
      ("yarn_beta_slow", 1), ("yarn_log_multiplier", 0),
    ]
    for (name, value) in usual {
      guard let found = try file.number(prefix + name), found != value else { continue }
      throw TransformerError(
        .unsupportedFile, "metadata '\(prefix)\(name)' is \(found); only \(value) is supported")
    }
  }

  private static func count(
    _ file: GGUFFile, _ name: String, _ range: ClosedRange<Int>, multipleOf factor: Int = 1,
    default missing: Int? = nil
  ) throws(TransformerError) -> Int {
    let key = "\(try architecture(file)).\(name)"
    guard let value = try file.integer(key) ?? missing else {
      throw TransformerError(.malformedFile, "metadata '\(key)' is missing")
    }
    guard range.contains(value) else {
      throw TransformerError(
        .malformedFile,
        "metadata '\(key)' is \(value), not in \(range.lowerBound)...\(range.upperBound)")
    }
    guard value % factor == 0 else {
      throw TransformerError(
        .unsupportedFile, "metadata '\(key)' is \(value), not a multiple of \(factor)")
    }
    return value
  }

  private static func positive(
    _ file: GGUFFile, _ name: String, below limit: Double, default missing: Double?
  ) throws(TransformerError) -> Double {
    let key = "\(try architecture(file)).\(name)"
    guard let value = try file.number(key) ?? missing else {
      throw TransformerError(.malformedFile, "metadata '\(key)' is missing")
    }
    guard value > 0, value < limit else {
      throw TransformerError(
        .malformedFile, "metadata '\(key)' is \(value), not between 0 and \(limit)")
    }
    return value
  }
}
