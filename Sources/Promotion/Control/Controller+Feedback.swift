import Experimentation
import Storage

extension Controller {
  /// Milliseconds that a commit may take: so much longer windows stay open for readers.
  private static let commitGrace: Int64 = 2_000

  /// Folds new feedback into the rollout's evidence, and has its gates see what can change no more.
  ///
  /// Windows close by the wall clock, which stamped requests and feedback alike: one that jumps
  /// ahead closes some too early, so that what would have come is late and no evidence.
  func readFeedback(of name: RolloutName) async throws(StorageError) {
    guard let rollout = control.service.rollouts[name], rollout.status.isLive else { return }
    // Read before the rows: what replaces another in time may still be on its way to the disk.
    let now = wallClock() - Self.commitGrace
    for _ in 0..<Self.batchesPerLook {
      guard let known = evidence[name]?.cursors.feedback, evidence[name]?.wantsFeedback == true
      else { break }
      let rows = try await outcomes.feedback(
        of: name, run: rollout.run, after: known, limit: Self.batch)
      // Another look may have been here meanwhile; rows that it folded are passed over.
      guard evidence[name]?.run == rollout.run else { return }
      evidence[name]?.fold(rows)
      if rows.count < Self.batch { break }
    }
    evidence[name]?.closeFeedback(feedbackWindow, at: now)
  }
}
