import Tensors

/// What computing each page of a sequence took, so that whoever reuses it can be charged for it.
///
/// A cached prefix lets an answer begin sooner, but does not make the model faster: how often a
/// model finds one depends on its share of the traffic. So a model is charged for its whole prompt,
/// whoever computed the pages. Positions that were written one by one count as if they had been
/// read with the last chunk, as they would be without a cache.
struct PageTimes {
  /// By page, for the positions before `end`.
  private var seconds: [Double]
  /// Positions that were reused, or read in chunks.
  private var end: Int
  /// What one position of the last chunk took.
  private var rate: Double

  /// - Parameter seconds: of whole pages that were reused
  init(seconds: [Double] = []) {
    self.seconds = seconds
    end = seconds.count * KeyBlock.keyCount
    rate = (seconds.last ?? 0) / Double(KeyBlock.keyCount)
  }

  /// Counts the chunk that follows, its time shared evenly among its positions.
  mutating func add(_ time: Double, positions count: Int) {
    guard count > 0 else { return }
    rate = time / Double(count)
    for _ in 0..<count {
      if end % KeyBlock.keyCount == 0 { seconds.append(0) }
      seconds[end / KeyBlock.keyCount] += rate
      end += 1
    }
  }

  /// The times of the first `count` pages.
  func ofPages(_ count: Int) -> [Double] {
    (0..<count).map { page in
      let written = max(0, (page + 1) * KeyBlock.keyCount - max(end, page * KeyBlock.keyCount))
      return (page < seconds.count ? seconds[page] : 0) + rate * Double(written)
    }
  }
}
