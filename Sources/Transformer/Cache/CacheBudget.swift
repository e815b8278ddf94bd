internal import Synchronization

/// Bytes that all KV caches of an engine may take together, counted exactly.
///
/// Shadow work may fill only a part, so that it can never take the last room from live work.
package final class CacheBudget: Sendable {
  package let limitBytes: Int
  package let shadowLimitBytes: Int
  private struct Use {
    var total = 0
    var shadow = 0
  }
  private let use = Mutex(Use())

  /// - Parameters:
  ///   - limitBytes: for everything
  ///   - shadowShare: the part of it that shadow work may take, 0…1
  package init(limitBytes: Int, shadowShare: Double = 0.5) {
    self.limitBytes = limitBytes
    // Not through Double where nothing is to be scaled: the largest Int has no Double.
    shadowLimitBytes =
      shadowShare < 1 ? Int(Double(limitBytes) * max(0, shadowShare)) : limitBytes
  }

  /// Bytes in use now.
  package var usedBytes: Int { use.withLock(\.total) }

  /// Counts `byteCount` as used, or changes nothing and returns false.
  func take(_ byteCount: Int, priority: Priority) -> Bool {
    use.withLock { use in
      guard byteCount <= limitBytes - use.total else { return false }
      if priority == .shadow {
        guard byteCount <= shadowLimitBytes - use.shadow else { return false }
        use.shadow += byteCount
      }
      use.total += byteCount
      return true
    }
  }

  /// Why there is no room for `byteCount`, or `nil` if there is.
  func shortage(_ byteCount: Int, priority: Priority) -> Shortage? {
    use.withLock { use in
      if priority == .shadow, byteCount > shadowLimitBytes - use.shadow { return .share }
      return byteCount > limitBytes - use.total ? .total : nil
    }
  }

  /// What is full.
  enum Shortage {
    /// The part that shadow work may take.
    case share
    case total
  }

  func giveBack(_ byteCount: Int, priority: Priority) {
    use.withLock { use in
      use.total -= byteCount
      if priority == .shadow { use.shadow -= byteCount }
    }
  }
}
