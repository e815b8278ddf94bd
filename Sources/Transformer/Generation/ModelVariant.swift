import Tensors

/// One way of running some weights: what a rollout compares.
///
/// Variants of the same weights share them in memory.
package struct ModelVariant: Sendable {
  /// For messages; not interpreted.
  package let name: String
  package let weights: Weights
  package let attention: AttentionKind
  package let rotary: RotaryTable
  /// The most positions of a sequence: prompt and answer.
  package let contextLength: Int

  /// - Parameters:
  ///   - rotary: `nil` for the table the model was trained with
  ///   - contextLength: `nil` for the length the model was trained on
  /// - Throws: `invalidRequest` for an attention or a context without meaning.
  package init(
    name: String, weights: Weights, attention: AttentionKind = .flash, rotary: RotaryTable? = nil,
    contextLength: Int? = nil
  ) throws(TransformerError) {
    try attention.check()
    let table = rotary ?? RotaryTable(weights.parameters)
    guard table.frequencies.count == weights.parameters.rotaryWidth / 2 else {
      throw TransformerError(
        .invalidRequest,
        "'\(name)' has \(table.frequencies.count) rotary frequencies; the model rotates "
          + "\(weights.parameters.rotaryWidth / 2) pairs")
    }
    let length = contextLength ?? weights.parameters.contextLength
    guard (1...(1 << 24)).contains(length) else {
      throw TransformerError(.invalidRequest, "'\(name)' has a context of \(length) tokens")
    }
    self.name = name
    self.weights = weights
    self.attention = attention
    self.rotary = table
    self.contextLength = length
  }
}
