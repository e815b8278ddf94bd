import Experimentation
import Statistics

/// Drafted answers to which a model's part is missing: nobody's preference is read from them.
///
/// The token by which a stream may be rated is given out before its end, and says whose choice
/// stands where. Whether all of them came to their end is in the rows alone, which any process
/// reads alike, whenever it was started.
///
/// Knows at most ``capacity`` of them. Beyond, no vote of the run counts any more: a candidate that
/// breaks so often is not preferred by anybody.
struct BrokenDrafts: Hashable, Sendable {
  static let capacity = 100_000

  private var known: Set<UInt64> = []
  private var isFull = false

  /// Takes in the row of a model that was drafted.
  mutating func note(_ outcome: Outcome) {
    guard outcome.measurements.failure != nil, !isFull else { return }
    isFull = known.count >= Self.capacity
    if isFull { known = [] } else { known.insert(Self.key(outcome.requestID, outcome.assignment)) }
  }

  /// Whether what is said of this answer counts for nothing.
  func contains(_ feedback: Feedback) -> Bool {
    isFull || known.contains(Self.key(feedback.requestID, feedback.assignment))
  }

  /// Clients may give two requests one name; unit and time tell them apart.
  private static func key(_ requestID: String, _ assignment: Assignment) -> UInt64 {
    StableHash.hash(
      salt: "\(assignment.atMilliseconds)/\(assignment.unitHash)", unit: requestID)
  }
}
