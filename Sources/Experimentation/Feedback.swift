/// What somebody said of one answer, with how its request came to the model.
package struct Feedback: Hashable, Sendable {
  package var requestID: String
  /// As of the request, without its labels: feedback is looked at whole.
  package var assignment: Assignment
  /// The model that answered.
  package var model: ModelName
  /// Which of the answer's choices, from 0.
  package var choice: Int
  package var metric: FeedbackName
  /// 0…1; higher is better.
  package var value: Double
  /// Milliseconds since 1970 when it came, by the wall clock.
  package var receivedAtMilliseconds: Int64
  /// Whether its window had closed by then (``FeedbackWindow``): kept, and never evidence.
  package var isLate: Bool
  /// In words, where the service is told to keep them.
  package var text: String?

  package init(
    requestID: String, assignment: Assignment, model: ModelName, choice: Int = 0,
    metric: FeedbackName = .standard, value: Double, receivedAtMilliseconds: Int64,
    isLate: Bool = false, text: String? = nil
  ) {
    self.requestID = requestID
    self.assignment = assignment
    self.model = model
    self.choice = choice
    self.metric = metric
    self.value = value
    self.receivedAtMilliseconds = receivedAtMilliseconds
    self.isLate = isLate
    self.text = text
  }

  /// Whether gates may read it: said in time, under the name that they know, of an answer that
  /// chance gave to its model in a rollout.
  package var isEvidence: Bool {
    !isLate && metric == .standard && assignment.rollout != nil && assignment.propensity != nil
  }
}

/// Marks names of what people rate.
package enum FeedbackKind {}

/// What people rate: `feedback` unless the sender says otherwise.
package typealias FeedbackName = Name<FeedbackKind>

extension FeedbackName {
  /// The one that gates on `feedback` read; others are kept for export.
  package static var standard: FeedbackName { FeedbackName(trusted: "feedback") }
}

/// How long after its request feedback on an answer counts.
///
/// Complaints about a fast model come first, so that a test which reads them as they come takes a
/// fast candidate back for nothing (STATISTICS, T8). Evidence is read of requests whose window has
/// closed, all of whose feedback has had the same time to come.
package struct FeedbackWindow: Hashable, Sendable {
  /// Positive.
  package var milliseconds: Int64

  /// An hour: people who press a thumb do so while they look at the answer.
  package static let standard = FeedbackWindow(milliseconds: 3_600_000)

  package init(milliseconds: Int64) {
    self.milliseconds = milliseconds
  }

  /// Whether feedback at `now` on a request of `assigned` is in time; both milliseconds since 1970.
  package func isOpen(since assigned: Int64, at now: Int64) -> Bool {
    let (elapsed, isBeyond) = now.subtractingReportingOverflow(assigned)
    return isBeyond ? now < assigned : elapsed <= milliseconds
  }
}
