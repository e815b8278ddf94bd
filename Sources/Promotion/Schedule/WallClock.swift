import Experimentation

/// The clock on the wall of one place, with the days on which it is put forward or back.
///
/// A local time that a clock skips (02:30 on the day it is put forward) stands for the instant of
/// the jump; one that it shows twice has two instants.
struct WallClock {
  private let offset: (Int64) -> Int64

  /// `nil` when the zone is not known.
  init?(_ timeZone: String, _ zones: @escaping ZoneOffset) {
    guard let usual = zones(timeZone, 0) else { return nil }
    offset = { zones(timeZone, $0) ?? usual }
  }

  /// What it shows at an instant, seconds since 1970.
  func time(at seconds: Int64) -> LocalTime { LocalTime(seconds: seconds + offset(seconds)) }

  /// The instants at which it shows `time`, in order: one, or two.
  func instants(of time: LocalTime) -> [Int64] {
    let local = time.seconds
    // A day is more than any clock is put forward or back by.
    let before = offset(local - Self.day)
    let after = offset(local + Self.day)
    let instants = Set([local - before, local - after]).filter { local - $0 == offset($0) }
    if !instants.isEmpty { return instants.sorted() }
    return [jump(between: min(local - before, local - after), and: local - min(before, after))]
  }

  /// When the clock is put forward or back within a day that it shows, if it is.
  func jump(on day: Int) -> Int64? {
    let start = instants(of: LocalTime(day: day, minute: 0)).first ?? 0
    let end = instants(of: LocalTime(day: day + 1, minute: 0)).last ?? 0
    return offset(start) == offset(end) ? nil : jump(between: start, and: end)
  }

  /// The first instant with another offset than at `low`, which `high` has.
  private func jump(between low: Int64, and high: Int64) -> Int64 {
    let before = offset(low)
    var (low, high) = (low, high)
    // Halves at most some days: fewer than 20 turns.
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if offset(middle) == before { low = middle } else { high = middle }
    }
    return high
  }

  private static let day: Int64 = 86_400
}
