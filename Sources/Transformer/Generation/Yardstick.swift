internal import Synchronization

/// What a step costs a sequence that has it alone: the yardstick by which shared steps are charged.
///
/// A step with eight rows takes longer than one with a single row, and far less than eight of them.
/// To charge each row the whole step would make a model look slower the more it is asked; to charge
/// an eighth, faster. So a row is charged what it would have caused alone: its own attention, which
/// is measured, and the products with the weights as a lone row has them, which were measured when
/// last a row went alone (`Scheduler.loneStepInterval`). The rest of the step counts as waiting for
/// others.
final class Yardstick: Sendable {
  private struct Key: Hashable {
    let weights: ObjectIdentifier
    let threads: Int
  }

  private let lone = Mutex<[Key: Double]>([:])

  /// What one row of a step is charged for what all rows have in common.
  ///
  /// - Parameters:
  ///   - seconds: what the common part took
  ///   - rows: that shared it; a lone one becomes the yardstick
  ///   - threads: that computed it
  /// - Returns: at most `seconds`, and just that while nothing was measured
  func charge(_ seconds: Double, rows: Int, of weights: Weights, threads: Int) -> Double {
    let key = Key(weights: ObjectIdentifier(weights), threads: threads)
    return lone.withLock { lone in
      guard rows == 1 else { return min(seconds, lone[key] ?? seconds) }
      // Weights come and go with policies.
      if lone.count > 256 { lone = [:] }
      // The mean of about the last four.
      lone[key] = lone[key].map { $0 + (seconds - $0) / 4 } ?? seconds
      return seconds
    }
  }
}
