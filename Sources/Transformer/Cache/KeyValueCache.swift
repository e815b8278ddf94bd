import Tensors

/// The keys and values of one sequence, in pages that come as the sequence grows.
///
/// Used by one thread at a time: whoever computes the sequence's next tokens.
struct KeyValueCache: Sendable {
  let shape: KeyValuePage.Shape
  /// Positions that are complete.
  private(set) var length = 0
  /// The stage of `RotaryTables` that the keys are turned by.
  private(set) var rotaryStage = 0
  /// By block; `nil` where the attention kind has forgotten it.
  private var pages: [KeyValuePage?] = []
  /// The end of the blocks that are forgotten.
  private var forgottenEnd = 0
  private let budget: CacheBudget
  let priority: Priority
  /// Whose idle pages make room for new ones.
  private let prefixes: PrefixCache?

  init(
    _ shape: KeyValuePage.Shape, budget: CacheBudget, priority: Priority,
    prefixes: PrefixCache? = nil
  ) {
    self.shape = shape
    self.budget = budget
    self.priority = priority
    self.prefixes = prefixes
  }

  /// Begins an empty cache with pages that are there already, and that are never written again.
  mutating func begin(with prefix: PrefixCache.Prefix) {
    precondition(length == 0 && pages.isEmpty, "a prefix for a sequence that has begun")
    pages = prefix.pages
    length = prefix.length
  }

  /// Bytes of all pages, those shared with other sequences included.
  var byteCount: Int { pages.count { $0 != nil } * shape.byteCount }

  /// Makes room to write positions `length`..<`newLength`.
  ///
  /// A page that a copy of this cache shares is copied before it is written.
  ///
  /// - Throws: `cacheFull`; what was there stays as it was.
  mutating func reserve(upTo newLength: Int) throws(TransformerError) {
    let last = length / KeyBlock.keyCount
    if length % KeyBlock.keyCount != 0, !isKnownUniquelyReferenced(&pages[last]),
      let shared = pages[last]
    {
      let own = try newPage()
      own.copy(from: shared)
      pages[last] = own
    }
    while pages.count * KeyBlock.keyCount < newLength {
      pages.append(try newPage())
    }
  }

  /// A page, for which kept prefixes go if need be: any that nobody reads where all memory is in
  /// use, only those of shadow work where shadow work has filled its share.
  private func newPage() throws(TransformerError) -> KeyValuePage {
    while let prefixes, let shortage = budget.shortage(shape.byteCount, priority: priority) {
      guard prefixes.evict(origin: shortage == .share ? .shadow : nil) else { break }
    }
    return try KeyValuePage(shape, budget: budget, priority: priority)
  }

  /// Counts `count` positions, written in every layer, as complete.
  mutating func advance(by count: Int) {
    length += count
  }

  /// Lets go of pages that `attention` will not look at again.
  mutating func forget(_ attention: AttentionKind) {
    let forgotten = attention.forgotten(next: length)
    // Only what is new, so that a window that runs for ever does not look back ever further.
    for index in max(forgotten.lowerBound, forgottenEnd)..<max(forgottenEnd, forgotten.upperBound) {
      pages[index] = nil
    }
    forgottenEnd = max(forgottenEnd, forgotten.upperBound)
  }

  /// Gives all pages back.
  mutating func removeAll() {
    pages = []
    length = 0
    rotaryStage = 0
    forgottenEnd = 0
  }

  /// The page of a block that is neither forgotten nor beyond what was reserved, else `nil`.
  func page(_ index: Int) -> KeyValuePage? {
    pages.indices.contains(index) ? pages[index] : nil
  }

  /// Makes every page this cache's own, to be written in place, and notes the stage that its keys
  /// will be turned by.
  ///
  /// - Throws: `cacheFull`; the keys are as before then, in the stage of before.
  mutating func enterStage(_ stage: Int) throws(TransformerError) {
    for index in pages.indices where !isKnownUniquelyReferenced(&pages[index]) {
      guard let shared = pages[index] else { continue }
      let own = try newPage()
      own.copy(from: shared)
      pages[index] = own
    }
    rotaryStage = stage
  }

  /// A block that is neither forgotten nor beyond what was reserved, else `nil`.
  func block(_ index: Int, layer: Int, keyValueHead: Int) -> KeyBlock? {
    page(index)?.block(layer: layer, keyValueHead: keyValueHead)
  }
}
