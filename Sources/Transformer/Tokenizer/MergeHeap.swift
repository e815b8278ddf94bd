/// Possible merges, the least first: a binary heap in an array.
///
/// Putting one on it and taking the first off take O(log n).
struct MergeHeap<Merge: Comparable> {
  private var merges: [Merge] = []

  /// Empties the heap and keeps its memory.
  mutating func removeAll() { merges.removeAll(keepingCapacity: true) }

  mutating func push(_ merge: Merge) {
    merges.append(merge)
    var child = merges.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard merges[child] < merges[parent] else { return }
      merges.swapAt(child, parent)
      child = parent
    }
  }

  mutating func pop() -> Merge? {
    guard let first = merges.first, let last = merges.popLast() else { return nil }
    guard !merges.isEmpty else { return first }
    merges[0] = last
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < merges.count else { return first }
      if child + 1 < merges.count, merges[child + 1] < merges[child] { child += 1 }
      guard merges[child] < merges[parent] else { return first }
      merges.swapAt(child, parent)
      parent = child
    }
  }
}
