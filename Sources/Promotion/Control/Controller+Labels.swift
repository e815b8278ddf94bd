package import Experimentation
package import Storage

extension Controller {
  /// Folds people's new labels into the rollout's evidence.
  func readLabels(of name: RolloutName) async throws(StorageError) {
    guard let rollout = control.service.rollouts[name], rollout.status.isLive,
      evidence[name]?.wantsLabels == true
    else { return }
    for _ in 0..<Self.batchesPerLook {
      guard let known = evidence[name]?.cursors.label else { return }
      let rows = try await labels.labels(
        of: name, run: rollout.run, after: known, limit: Self.batch)
      // Another look may have been here meanwhile; rows that it folded are passed over.
      guard evidence[name]?.run == rollout.run else { return }
      evidence[name]?.fold(rows)
      if rows.count < Self.batch { return }
    }
  }

  /// Has texts forgotten that nobody is to label any more: a run's end takes them with it.
  func forgetTexts(keeping underWay: Set<RunID>) async throws(StorageError) {
    try await labels.forgetTexts(nowMilliseconds: wallClock(), keeping: underWay)
    for rollout in control.service.rollouts.values where rollout.status.isLive {
      try await forgetDroppedTexts(of: rollout)
    }
  }

  /// Has the texts of candidates that have left `rollout` forgotten: nothing that people say of
  /// them changes anything any more.
  package nonisolated func forgetDroppedTexts(
    of rollout: RolloutState
  ) async throws(StorageError) {
    guard !rollout.dropped.isEmpty else { return }
    try await labels.forgetTexts(
      of: rollout.dropped.map(\.model),
      in: RunID(rollout: rollout.policy.name, run: rollout.run))
  }
}
