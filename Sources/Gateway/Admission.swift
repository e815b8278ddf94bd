import OpenAIAPI
import Synchronization

/// Bounds the live requests under way; beyond, a request is refused at once rather than queued.
final class Admission: Sendable {
  private let capacity: Int
  private let underWay = Mutex(0)

  init(capacity: Int) {
    self.capacity = capacity
  }

  var count: Int { underWay.withLock { $0 } }

  /// Takes a place, which must be given back with `leave`.
  func enter() throws(APIError) {
    let hasRoom = underWay.withLock { count in
      guard count < capacity else { return false }
      count += 1
      return true
    }
    guard hasRoom else {
      throw .unavailable("All \(capacity) places are taken; try again in a second.")
    }
  }

  func leave() { underWay.withLock { $0 -= 1 } }
}

/// A place that was taken: given back once, when it is left or at the latest when nobody holds it.
final class AdmittedPlace: Sendable {
  private let admission: Admission
  private let isTaken = Mutex(true)

  /// Takes one.
  init(_ admission: Admission) throws(APIError) {
    self.admission = admission
    try admission.enter()
  }

  deinit { leave() }

  func leave() {
    let wasTaken = isTaken.withLock { isTaken in
      defer { isTaken = false }
      return isTaken
    }
    if wasTaken { admission.leave() }
  }
}
