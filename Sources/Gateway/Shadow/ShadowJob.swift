import Backends
import Experimentation
import Quality
import Routing

/// A question that a user asked, to be asked a candidate too.
struct ShadowJob: Sendable {
  /// The copy that may be sent aside: without names and whatever leaves something behind.
  var prompt: Call.Prompt
  var requestID: String
  var assignment: Assignment
  var rule: ShadowRule
  /// What is measured of the candidate's answer and of the pair.
  var scores: ScorePlan
  var incumbent: IncumbentAnswer
  /// Of the comparison that was promised to the recorder.
  var comparison: UInt64

  /// Bytes held while the job waits, roughly.
  var byteCount: Int
}

/// What the incumbent said and what it took, for the comparison.
struct IncumbentAnswer: Sendable {
  var model: ModelName
  var measurements: Measurements
  /// The first choice; `nil` when it failed.
  var whole: CheckedAnswer?
  var trace: TokenTrace?
}

/// Why a shadow was not asked, or not compared: the label of a counter.
enum ShadowDrop: String, CaseIterable {
  /// As many wait as may.
  case queueFull
  /// The day's tokens are spent.
  case tokenBudget
  /// The request could have effects, or its copy would be another question.
  case notMirrorable
  /// The client went away, or its request was wrong.
  case noIncumbentAnswer
  /// The comparison could not be written down: the store is too slow or full.
  case noRoomForRow
  /// The candidate is not ready.
  case noBackend
  /// The step that asked for it is over: promoted, aborted, rolled back, moved on.
  case rolloutEnded
  /// The service stopped.
  case shutdown
}
