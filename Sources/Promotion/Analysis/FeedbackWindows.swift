import Experimentation

/// Feedback that waits until the window of its request closes.
///
/// Until then it may still be replaced, and requests after it may still get some: read as it comes,
/// a candidate whose users speak up sooner would look better or worse than it is. What closes comes
/// out in the order of assignment, whenever and in whatever batches it was read.
struct FeedbackWindows: Hashable, Sendable {
  /// Values that may wait; the reader stops there and goes on when some have closed.
  static let capacity = 1_000_000

  private struct Key: Hashable, Comparable {
    var atMilliseconds: Int64
    var requestID: String
    var choice: Int
    var metric: FeedbackName
    var step: Int?
    var model: ModelName
    var unitHash: UInt64

    init(_ feedback: Feedback) {
      atMilliseconds = feedback.assignment.atMilliseconds
      requestID = feedback.requestID
      choice = feedback.choice
      metric = feedback.metric
      step = feedback.assignment.rollout?.step
      model = feedback.model
      unitHash = feedback.assignment.unitHash
    }

    /// In the order of assignment; the rest so that there is one order.
    static func < (left: Key, right: Key) -> Bool {
      if left.atMilliseconds != right.atMilliseconds {
        return left.atMilliseconds < right.atMilliseconds
      }
      return (left.requestID, left.choice, left.unitHash, left.model.text, left.metric.text)
        < (right.requestID, right.choice, right.unitHash, right.model.text, right.metric.text)
    }
  }

  private var waiting: [Key: Feedback] = [:]
  /// Of those that wait; nothing closes before it does.
  private var oldest = Int64.max

  var hasRoom: Bool { waiting.count < Self.capacity }

  /// Takes in what a store has, in its order: what came later replaces.
  mutating func take(_ feedback: Feedback) {
    var feedback = feedback
    // Words may be long, and no gate reads them.
    feedback.text = nil
    waiting[Key(feedback)] = feedback
    oldest = min(oldest, feedback.assignment.atMilliseconds)
  }

  /// Takes out what can change no more at `now`, milliseconds since 1970.
  mutating func close(_ window: FeedbackWindow, at now: Int64) -> [Feedback] {
    guard !waiting.isEmpty, !window.isOpen(since: oldest, at: now) else { return [] }
    let closed = waiting.filter { !window.isOpen(since: $0.key.atMilliseconds, at: now) }
    for key in closed.keys { waiting[key] = nil }
    oldest = waiting.keys.reduce(.max) { min($0, $1.atMilliseconds) }
    return closed.sorted { $0.key < $1.key }.map(\.value)
  }
}
