import Tensors

/// One way of running some weights: what a rollout compares.
///
/// Variants of the same weights share them in memory.
package struct ModelVariant: Sendable {
  /// For messages; not interpreted.
  package let name: String
  package let weights: Weights
  package let attention: AttentionKind
  package let rotary: RotaryTables
  /// The most positions of a sequence: prompt and answer.
  package let contextLength: Int
  /// From how far a query looks at the sinks of a window, at most; `nil` for as far as they are.
  let sinkReach: Int?

  /// - Parameters:
  ///   - rotary: `nil` for the rotation the model was trained with
  ///   - contextLength: `nil` for as many positions as the rotation is good for; only a sliding
  ///     window goes beyond
  /// - Throws: `invalidRequest` for an attention, a rotation or a context without meaning.
  package init(
    name: String, weights: Weights, attention: AttentionKind = .flash,
    rotary: RotaryTables? = nil, contextLength: Int? = nil
  ) throws(TransformerError) {
    try attention.check(weights.parameters)
    let tables = if let rotary { rotary } else { try RotaryTables(weights.parameters) }
    guard tables.pairs == weights.parameters.rotaryWidth / 2 else {
      throw TransformerError(
        .invalidRequest,
        "'\(name)' has \(tables.pairs) rotary frequencies; the model rotates "
          + "\(weights.parameters.rotaryWidth / 2) pairs")
    }
    let length = contextLength ?? tables.contextLength
    guard (1...(1 << 24)).contains(length) else {
      throw TransformerError(.invalidRequest, "'\(name)' has a context of \(length) tokens")
    }
    sinkReach = try Self.sinkReach(name, attention, tables, length)
    self.name = name
    self.weights = weights
    self.attention = attention
    self.rotary = tables
    self.contextLength = length
  }

  /// A window that goes on beyond what the rotation is good for has positions inside its cache:
  /// the sinks stay where the cache begins, however far the text has come.
  ///
  /// Xiao et al. 2023, "Efficient Streaming Language Models with Attention Sinks", section 3.2.
  private static func sinkReach(
    _ name: String, _ attention: AttentionKind, _ rotary: RotaryTables, _ length: Int
  ) throws(TransformerError) -> Int? {
    guard length > rotary.contextLength else { return nil }
    guard case .slidingWindow(let window, let sinks) = attention, rotary.stages.count == 1 else {
      throw TransformerError(
        .invalidRequest,
        "'\(name)' has a context of \(length), its rotation is good for \(rotary.contextLength); "
          + "stretch it with 'rope', or use a sliding window")
    }
    guard window + sinks <= rotary.contextLength else {
      throw TransformerError(
        .invalidRequest,
        "a window of \(window) and \(sinks) sinks is more than the \(rotary.contextLength) "
          + "positions that the rotation of '\(name)' is good for")
    }
    return window + sinks
  }
}

extension ModelVariant {
  /// Whether cached keys are turned on as a text grows: then they may not serve another sequence.
  /// A window that streams turns the queries for its sinks instead, and leaves the keys alone.
  var turnsKeys: Bool { rotary.stages.count > 1 }

  /// As many of `tokens` as may run at once after what is in `cache`: at most
  /// `Workspace.chunkLimit`, all in one stage of the rotation.
  func chunk(_ tokens: ArraySlice<Token>, after cache: KeyValueCache) -> ArraySlice<Token> {
    tokens.prefix(
      rotary.run(from: cache.length, upTo: min(tokens.count, Workspace.chunkLimit)))
  }
}
