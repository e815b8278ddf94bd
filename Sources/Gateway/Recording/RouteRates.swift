package import Experimentation
import Synchronization

/// How many requests each route has had, minute by minute, over the last hour: what forecasts are
/// made from.
///
/// Counts since the process started; bounded by the routes that there are and by ``minutes``.
package final class RouteRates: Sendable {
  /// How far back is counted.
  package static let minutes = 60

  /// The pace of one route.
  package struct Rate: Hashable, Sendable {
    package var requestsPerSecond: Double
    /// How long was counted for it, at most an hour.
    package var seconds: Double
  }

  private struct Counts {
    /// When the first request came, milliseconds since 1970.
    var since: Int64
    /// By minute since 1970, modulo ``minutes``.
    var slots = [Slot](repeating: Slot(), count: RouteRates.minutes)
  }

  private struct Slot {
    var minute: Int64 = .min
    var requests = 0
  }

  private let counts = Mutex<[RouteName: Counts]>([:])

  init() {}

  /// - Parameter now: milliseconds since 1970, by the wall clock
  func note(_ route: RouteName, at now: Int64) {
    let minute = now / 60_000
    counts.withLock { counts in
      var known = counts[route] ?? Counts(since: now)
      counts[route] = nil
      let place = Int(minute % Int64(Self.minutes) + Int64(Self.minutes)) % Self.minutes
      if known.slots[place].minute != minute { known.slots[place] = Slot(minute: minute) }
      known.slots[place].requests += 1
      counts[route] = known
    }
  }

  /// The paces at `now`, milliseconds since 1970; routes without a request are not there, and
  /// neither are those that were counted for less than ten seconds.
  package func rates(at now: Int64) -> [RouteName: Rate] {
    let oldest = now / 60_000 - Int64(Self.minutes)
    return counts.withLock { counts in
      counts.compactMapValues { known in
        let requests = known.slots.reduce(0) { $0 + ($1.minute > oldest ? $1.requests : 0) }
        // The oldest minute is counted whole, the running one as far as it has come.
        let window = Double(Self.minutes - 1) * 60 + Double(now % 60_000) / 1_000
        let seconds = min(Double(now - known.since) / 1_000, window)
        guard seconds >= 10 else { return nil }
        return Rate(requestsPerSecond: Double(requests) / seconds, seconds: seconds)
      }
    }
  }
}
