internal import Synchronization
import Tensors

/// Keys and values of finished texts, for requests that begin with the same tokens: the next turn
/// of a conversation, another question after the same instructions.
///
/// A trie of whole pages of 64 positions. Texts are told apart by all that keys and values depend
/// on: weights, attention, rotary table, format and every token before. Pages are shared with the
/// sequences that read them, and counted once, as what they were made for. They are memory that
/// nobody needs: when the budget has no room for a page, those that no sequence reads go, the least
/// recently used first, from the ends of texts.
package final class PrefixCache: Sendable {
  /// The beginning of a text that need not be computed again.
  struct Prefix {
    /// By block; `nil` where the attention kind has forgotten it.
    var pages: [KeyValuePage?]
    /// What computing it took, by block.
    var seconds: [Double]

    /// Positions, a multiple of 64.
    var length: Int { pages.count * KeyBlock.keyCount }
  }

  /// What keys and values depend on besides the tokens.
  fileprivate struct Space: Hashable {
    let weights: ObjectIdentifier
    let shape: KeyValuePage.Shape
    let attention: AttentionKind
    let rotary: RotaryTables
    /// A window that streams writes other values than one that does not.
    let sinkReach: Int?
  }

  fileprivate struct Root {
    let number: Int
    /// Another object may get the address of one that is gone.
    weak var weights: Weights?
  }

  /// Where a page stands: after which, and with which tokens.
  fileprivate struct Place: Hashable {
    /// A node's index, or a root's negative number.
    let parent: Int
    let tokens: ArraySlice<Token>
  }

  fileprivate struct Node {
    var place: Place
    /// `nil` where it was forgotten before the text ended.
    var page: KeyValuePage?
    var seconds: Double
    var childCount = 0
    var lastUse: UInt64
    var isFree = false
  }

  fileprivate struct State {
    var roots: [Space: Root] = [:]
    var rootCount = 0
    var nodes: [Node] = []
    var free: [Int] = []
    var indices: [Place: Int] = [:]
    var uses: UInt64 = 0
  }

  private let state = Mutex(State())
  private let nodeLimit: Int

  /// - Parameter nodeLimit: pages to know of at most, those included that were forgotten
  init(nodeLimit: Int = 1 << 14) {
    self.nodeLimit = nodeLimit
  }

  /// Bytes of pages that nothing else uses: what eviction can free.
  package var idleBytes: Int {
    state.withLock { state in
      var bytes = 0
      for index in state.nodes.indices where isKnownUniquelyReferenced(&state.nodes[index].page) {
        bytes += state.nodes[index].page?.shape.byteCount ?? 0
      }
      return bytes
    }
  }

  /// The longest beginning of `tokens` that is kept, at least one token short of all, because the
  /// last one's logits are wanted.
  ///
  /// Shadow work gets only what shadow work has left, so that it never holds on to pages that are
  /// counted as live.
  func longestPrefix(
    of tokens: [Token], _ variant: ModelVariant, shape: KeyValuePage.Shape, priority: Priority
  ) -> Prefix? {
    state.withLock { state in
      guard let root = state.root(variant, shape) else { return nil }
      var path: [Int] = []
      var parent = root
      while (path.count + 1) * KeyBlock.keyCount < tokens.count,
        let next = state.indices[Self.place(after: parent, tokens, block: path.count)]
      {
        path.append(next)
        parent = next
      }
      while !path.isEmpty, !state.isWhole(path, variant.attention, priority) { path.removeLast() }
      guard !path.isEmpty else { return nil }
      let length = path.count * KeyBlock.keyCount
      state.uses += 1
      for index in path { state.nodes[index].lastUse = state.uses }
      return Prefix(
        pages: path.enumerated().map { block, index in
          variant.attention.forgotten(next: length).contains(block)
            ? nil : state.nodes[index].page
        },
        seconds: path.map { state.nodes[$0].seconds })
    }
  }

  /// Keeps the whole pages of a text, where it has none yet.
  ///
  /// - Parameters:
  ///   - tokens: at least as many as `cache` has positions
  ///   - seconds: what computing each page took
  func keep(
    _ tokens: [Token], _ variant: ModelVariant, cache: KeyValueCache, seconds: [Double]
  ) {
    let count = min(cache.length, tokens.count) / KeyBlock.keyCount
    guard count > 0 else { return }
    // Pages that turn out to be needless go after the lock.
    var dropped: [KeyValuePage] = []
    state.withLock { state in
      var parent = state.root(variant, cache.shape) ?? state.makeRoot(variant, cache.shape)
      state.uses += 1
      for block in 0..<count {
        let place = Self.place(after: parent, tokens, block: block)
        let page = cache.page(block)
        let index: Int
        if let known = state.indices[place] {
          index = known
          if state.nodes[index].page == nil { state.nodes[index].page = page }
        } else {
          if state.indices.count >= nodeLimit {
            guard let page = state.removeOldestLeaf(except: parent) else { break }
            if let page { dropped.append(page) }
          }
          index = state.insert(
            Node(place: place, page: page, seconds: 0, lastUse: state.uses))
        }
        state.nodes[index].lastUse = state.uses
        if seconds.indices.contains(block) { state.nodes[index].seconds = seconds[block] }
        parent = index
      }
      state.pruneEmptyLeaves(from: parent)
    }
  }

  /// Gives up the page that was used least recently and that no sequence reads.
  ///
  /// - Parameter origin: only pages that were made for this priority; `nil` for all
  /// - Returns: false if there is none
  func evict(origin: Priority?) -> Bool {
    let page = state.withLock { $0.removeOldestIdleLeaf(origin: origin) }
    // Goes here, after the lock, if anything was found.
    return page != nil
  }

  private static func place(after parent: Int, _ tokens: [Token], block: Int) -> Place {
    Place(
      parent: parent,
      tokens: tokens[block * KeyBlock.keyCount..<(block + 1) * KeyBlock.keyCount])
  }
}

extension PrefixCache.Node {
  fileprivate func isUsable(by priority: Priority) -> Bool {
    guard let page else { return false }
    return priority == .live || page.priority == .shadow
  }
}

extension PrefixCache.State {
  fileprivate mutating func root(_ variant: ModelVariant, _ shape: KeyValuePage.Shape) -> Int? {
    let space = PrefixCache.Space(variant, shape)
    guard let root = roots[space], root.weights === variant.weights else { return nil }
    return root.number
  }

  fileprivate mutating func makeRoot(
    _ variant: ModelVariant, _ shape: KeyValuePage.Shape
  ) -> Int {
    // What hung under a root that is replaced is never found again, and goes as the oldest.
    roots = roots.filter { $0.value.weights != nil }
    rootCount += 1
    roots[PrefixCache.Space(variant, shape)] = .init(number: -rootCount, weights: variant.weights)
    return -rootCount
  }

  /// Whether the positions after `path` find every page of it that they will look at.
  fileprivate func isWhole(
    _ path: [Int], _ attention: AttentionKind, _ priority: Priority
  ) -> Bool {
    path.enumerated().allSatisfy { block, index in
      attention.forgotten(next: path.count * KeyBlock.keyCount).contains(block)
        || nodes[index].isUsable(by: priority)
    }
  }

  fileprivate mutating func insert(_ node: PrefixCache.Node) -> Int {
    let index = free.popLast() ?? nodes.count
    if index == nodes.count { nodes.append(node) } else { nodes[index] = node }
    indices[node.place] = index
    if node.place.parent >= 0 { nodes[node.place.parent].childCount += 1 }
    return index
  }

  /// Removes a node without children, and its ancestors that are left with neither page nor child.
  fileprivate mutating func remove(_ index: Int) -> KeyValuePage? {
    let node = nodes[index]
    indices[node.place] = nil
    nodes[index].page = nil
    nodes[index].isFree = true
    free.append(index)
    if node.place.parent >= 0 {
      nodes[node.place.parent].childCount -= 1
      pruneEmptyLeaves(from: node.place.parent)
    }
    return node.page
  }

  fileprivate mutating func pruneEmptyLeaves(from last: Int) {
    var index = last
    while index >= 0, nodes[index].page == nil, nodes[index].childCount == 0 {
      let parent = nodes[index].place.parent
      indices[nodes[index].place] = nil
      nodes[index].isFree = true
      free.append(index)
      if parent >= 0 { nodes[parent].childCount -= 1 }
      index = parent
    }
  }

  fileprivate mutating func removeOldestIdleLeaf(origin: Priority?) -> KeyValuePage? {
    var oldest: Int?
    for index in nodes.indices where !nodes[index].isFree && nodes[index].childCount == 0 {
      if let origin, nodes[index].page?.priority != origin { continue }
      guard isKnownUniquelyReferenced(&nodes[index].page) else { continue }
      if oldest.map({ nodes[index].lastUse < nodes[$0].lastUse }) ?? true { oldest = index }
    }
    return oldest.flatMap { remove($0) }
  }

  /// Removes the oldest leaf, read by a sequence or not.
  ///
  /// - Returns: its page, if it has one; `nil` if there is no leaf
  fileprivate mutating func removeOldestLeaf(except kept: Int) -> KeyValuePage?? {
    let leaves = nodes.indices.filter {
      !nodes[$0].isFree && nodes[$0].childCount == 0 && $0 != kept
    }
    guard let oldest = leaves.min(by: { nodes[$0].lastUse < nodes[$1].lastUse }) else {
      return nil
    }
    return .some(remove(oldest))
  }
}

extension PrefixCache.Space {
  fileprivate init(_ variant: ModelVariant, _ shape: KeyValuePage.Shape) {
    weights = ObjectIdentifier(variant.weights)
    self.shape = shape
    attention = variant.attention
    rotary = variant.rotary
    sinkReach = variant.sinkReach
  }
}
