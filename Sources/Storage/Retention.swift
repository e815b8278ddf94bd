package import Experimentation

/// One run of a rollout, to which evidence belongs.
package struct RunID: Hashable, Sendable {
  package var rollout: RolloutName
  /// Counts how often the name was applied, from 1.
  package var run: Int

  package init(rollout: RolloutName, run: Int) {
    self.rollout = rollout
    self.run = run
  }
}

/// How long raw outcomes, comparisons and feedback stay. Rollups and decisions stay for ever.
package struct Retention: Hashable, Sendable {
  /// Rows older than this go, by the wall clock that they were written with; positive.
  package var maximumAge: Duration
  /// Of each kind of row; the oldest beyond it go. At least 1.
  package var maximumRows: Int

  package init(maximumAge: Duration = .seconds(30 * 86_400), maximumRows: Int = 10_000_000) {
    self.maximumAge = maximumAge
    self.maximumRows = maximumRows
  }
}

/// A run of which a store has rows.
package struct StoredRun: Hashable, Sendable {
  package var id: RunID
  /// Raw rows still kept.
  package var outcomes: Int
  package var comparisons: Int
  package var feedback: Int

  package init(id: RunID, outcomes: Int, comparisons: Int, feedback: Int = 0) {
    self.id = id
    self.outcomes = outcomes
    self.comparisons = comparisons
    self.feedback = feedback
  }
}
