import Tensors

/// The keys and values of 64 successive positions, for all layers and heads.
///
/// Written by the sequence that owns it alone; once shared between sequences, only read. So
/// sharing it between threads is safe.
final class KeyValuePage: Sendable {
  /// What a page holds.
  struct Shape: Hashable, Sendable {
    let layers: Int
    let keyValueHeads: Int
    let headWidth: Int
    /// What is kept beside the keys, if anything.
    let summary: KeySummary?
    let format: CacheFormat

    init(
      _ parameters: HyperParameters, summary: KeySummary? = nil, format: CacheFormat = .f16
    ) {
      layers = parameters.blockCount
      keyValueHeads = parameters.keyValueHeads
      headWidth = parameters.headWidth
      self.summary = summary
      self.format = format
    }

    /// A page that `variant` can use: blocks are chosen, and keys turned on, by halves only.
    init(_ variant: ModelVariant, format: CacheFormat) {
      let summary = variant.attention.summary
      let needsHalves = summary != nil || variant.turnsKeys
      self.init(
        variant.weights.parameters, summary: summary, format: needsHalves ? .f16 : format)
    }

    /// Bytes of one page: all blocks, then all summaries.
    var byteCount: Int {
      blockBytes + layers * keyValueHeads * (summary?.byteCount(headWidth: headWidth) ?? 0)
    }

    fileprivate var blockBytes: Int { layers * keyValueHeads * blockByteCount }

    /// Bytes of the block of one layer and head.
    var blockByteCount: Int { KeyBlock.byteCount(headWidth: headWidth, format: format) }
  }

  let shape: Shape
  private let memory: Memory
  private let budget: CacheBudget
  /// Whom the page was made for, and is counted as.
  let priority: Priority

  /// A page of zeros.
  ///
  /// - Throws: `cacheFull` if the budget or the system has no room.
  init(_ shape: Shape, budget: CacheBudget, priority: Priority) throws(TransformerError) {
    guard budget.take(shape.byteCount, priority: priority) else {
      throw TransformerError(
        .cacheFull,
        "the KV caches fill their \(budget.limitBytes) bytes; ask for fewer tokens, run fewer "
          + "requests at once, or give the engine more cache")
    }
    guard let memory = Memory(byteCount: shape.byteCount) else {
      budget.giveBack(shape.byteCount, priority: priority)
      throw TransformerError(.cacheFull, "the system has no memory for the KV cache")
    }
    self.shape = shape
    self.memory = memory
    self.budget = budget
    self.priority = priority
  }

  deinit {
    budget.giveBack(shape.byteCount, priority: priority)
  }

  /// The block of one layer and head.
  func block(layer: Int, keyValueHead: Int) -> KeyBlock {
    let place = layer * shape.keyValueHeads + keyValueHead
    return KeyBlock(
      at: memory.base + place * shape.blockByteCount, headWidth: shape.headWidth,
      format: shape.format)
  }

  /// The summary of one layer's and head's keys, or `nil` for a page without.
  func summary(layer: Int, keyValueHead: Int) -> UnsafeMutablePointer<UInt16>? {
    guard let size = shape.summary?.byteCount(headWidth: shape.headWidth) else { return nil }
    let start = memory.base + shape.blockBytes
    return (start + (layer * shape.keyValueHeads + keyValueHead) * size)
      .assumingMemoryBound(to: UInt16.self)
  }

  /// Makes this page equal to `other`, of the same shape.
  func copy(from other: KeyValuePage) {
    memory.base.copyMemory(from: other.memory.base, byteCount: shape.byteCount)
  }
}
