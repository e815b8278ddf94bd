/// Successive tokens of one sequence, as rows of a pass.
struct SequenceRows {
  let tokens: ArraySlice<Token>
  let attention: AttentionKind
  let rotary: RotaryTables
  /// See `ModelVariant.sinkReach`.
  let sinkReach: Int?
  /// Has room for the tokens, which follow what it holds.
  let cache: KeyValueCache

  /// - Parameter tokens: all in the vocabulary, and all in one stage of the rotation
  init(_ tokens: ArraySlice<Token>, of variant: ModelVariant, after cache: KeyValueCache) {
    self.tokens = tokens
    attention = variant.attention
    rotary = variant.rotary
    sinkReach = variant.sinkReach
    self.cache = cache
  }

  /// Where the tokens stand in their sequence.
  var positions: Range<Int> { cache.length..<cache.length + tokens.count }

  /// What turns the tokens.
  var rotaryTable: RotaryTable { rotary.stages[rotary.stage(of: cache.length)] }
}
