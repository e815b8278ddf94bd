package import Experimentation
package import Storage
import Synchronization

/// Writes feedback down before its sender is told so, many senders' in one transaction.
///
/// While one batch is being written, those who come meanwhile wait for the next one, at most
/// `capacity` of them. Whoever finds nobody writing writes for all who wait, and then hands the pen
/// to the next: no task of its own is needed, and nobody writes for others twice.
package final class FeedbackRecorder: Sendable {
  private enum Turn: Sendable {
    case write
    case done(Result<FeedbackReceipt, StorageError>)
    case full
  }

  private struct Waiting {
    var feedback: Feedback
    var turn: CheckedContinuation<Turn, Never>
  }

  private struct State {
    var isWriting = false
    /// In the order in which they came.
    var waiting: [Waiting] = []
  }

  private let store: any OutcomeStore
  private let capacity: Int
  private let batchSize: Int
  private let state = Mutex(State())

  /// - Parameters:
  ///   - capacity: senders who may wait
  ///   - batchSize: rows of one transaction, at least 1
  package init(store: any OutcomeStore, capacity: Int = 1_024, batchSize: Int = 256) {
    self.store = store
    self.capacity = capacity
    self.batchSize = batchSize
  }

  /// Returns when `feedback` is on the disk; `nil` when too many wait already.
  ///
  /// - Throws: what the store does; nothing was written then
  package func record(
    _ feedback: Feedback
  ) async throws(StorageError) -> FeedbackReceipt? {
    switch await turn(for: feedback) {
    case .write: return try await write(feedback)
    case .done(let result): return try result.get()
    case .full: return nil
    }
  }

  private func turn(for feedback: Feedback) async -> Turn {
    await withCheckedContinuation { continuation in
      let turn: Turn? = state.withLock { state in
        guard state.isWriting else {
          state.isWriting = true
          return .write
        }
        guard state.waiting.count < capacity else { return .full }
        state.waiting.append(Waiting(feedback: feedback, turn: continuation))
        return nil
      }
      if let turn { continuation.resume(returning: turn) }
    }
  }

  private func write(_ feedback: Feedback) async throws(StorageError) -> FeedbackReceipt? {
    let others = state.withLock { state in
      let others = Array(state.waiting.prefix(batchSize - 1))
      state.waiting.removeFirst(others.count)
      return others
    }
    let written: Result<[FeedbackReceipt], StorageError>
    do {
      written = .success(try await store.record([feedback] + others.map(\.feedback)))
    } catch {
      written = .failure(error)
    }
    handOver()
    for (index, other) in others.enumerated() {
      other.turn.resume(returning: .done(written.map { $0[index + 1] }))
    }
    return try written.get().first
  }

  private func handOver() {
    let next: Waiting? = state.withLock { state in
      guard let next = state.waiting.first else {
        state.isWriting = false
        return nil
      }
      state.waiting.removeFirst()
      return next
    }
    next?.turn.resume(returning: .write)
  }
}
