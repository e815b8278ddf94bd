import Synchronization

/// The latest requests by their names, for callers who rate an answer by its request and not by its
/// token.
///
/// At most `capacity`; the oldest goes first, and all go with the process. Of two requests that
/// clients gave one name the later is found.
final class RecentRequests: Sendable {
  private struct Entry {
    var request: AnsweredRequest
    var number: Int
  }

  private struct State {
    var entries: [String: Entry] = [:]
    /// By number, modulo the capacity.
    var names: [String] = []
    var number = 0
  }

  private let capacity: Int
  private let state = Mutex(State())

  /// - Parameter capacity: at least 1
  init(capacity: Int) {
    self.capacity = max(1, capacity)
  }

  func note(_ request: AnsweredRequest) {
    state.withLock { state in
      let place = state.number % capacity
      if place < state.names.count {
        let oldest = state.names[place]
        // Not if the name was given to another request since.
        if state.entries[oldest]?.number == state.number - capacity {
          state.entries[oldest] = nil
        }
        state.names[place] = request.requestID
      } else {
        state.names.append(request.requestID)
      }
      state.entries[request.requestID] = Entry(request: request, number: state.number)
      state.number += 1
    }
  }

  subscript(requestID: String) -> AnsweredRequest? {
    state.withLock { $0.entries[requestID]?.request }
  }
}
