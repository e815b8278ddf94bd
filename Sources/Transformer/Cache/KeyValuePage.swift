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
    let format: CacheFormat

    init(_ parameters: HyperParameters, format: CacheFormat = .f16) {
      layers = parameters.blockCount
      keyValueHeads = parameters.keyValueHeads
      headWidth = parameters.headWidth
      self.format = format
    }

    /// Bytes of one page.
    var byteCount: Int { layers * keyValueHeads * blockByteCount }

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

  /// Makes this page equal to `other`, of the same shape.
  func copy(from other: KeyValuePage) {
    memory.base.copyMemory(from: other.memory.base, byteCount: shape.byteCount)
  }
}
