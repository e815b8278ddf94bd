package import Experimentation

/// Why a rollout does not move forward at an instant, though nothing else were in its way.
package struct ScheduleHold: Hashable, Sendable {
  /// `outside of its windows`, `frozen: holidays`
  package var reason: String
  /// The next instant at which it may, milliseconds since 1970; `nil` when that never comes, or no
  /// zone that would tell is known here.
  package var opensAtMilliseconds: Int64?
  /// The same for people, by the clock of the place that opens: `Mon 2026-11-30 09:00
  /// (Europe/Berlin)`.
  package var opens: String?

  package init(reason: String, opensAtMilliseconds: Int64? = nil, opens: String? = nil) {
    self.reason = reason
    self.opensAtMilliseconds = opensAtMilliseconds
    self.opens = opens
  }

  /// For messages.
  package var sentence: String {
    opens.map { "\(reason); opens \($0)" } ?? "\(reason); it never opens as it stands"
  }
}

extension Schedule {
  /// What keeps a rollout from moving forward at `milliseconds` since 1970, or `nil`: pure.
  ///
  /// A window is open while the clock on its wall shows a time in it: an hour that the clock shows
  /// twice is in it twice, and minutes that it skips never come, so that a window of those alone
  /// does not open that day. A freeze goes from the first instant of its beginning to the last of
  /// its end. The instants are those of a clock that can be set: set wrong, it lets the rollout
  /// move at the wrong hour, though never without its gates.
  ///
  /// - Parameter zones: a zone that it does not know keeps the rollout where it is
  package func hold(
    at milliseconds: Int64, zones: @escaping ZoneOffset = SystemZones.offset
  ) -> ScheduleHold? {
    let clocked = ClockedSchedule(self, zones)
    // Towards the past, so that no window opens early.
    let now = Int64((Double(milliseconds) / 1_000).rounded(.down))
    guard let reason = clocked.obstacle(at: now) else { return nil }
    let opening = clocked.opening(after: now)
    return ScheduleHold(
      reason: reason, opensAtMilliseconds: opening.map { $0.seconds * 1_000 },
      opens: opening.map { "\($0.time.inWords) (\($0.timeZone))" })
  }
}

/// A schedule with the clocks that its zones have.
private struct ClockedSchedule {
  private let windows: [(window: WeeklyWindow, clock: WallClock?)]
  private let freezes: [(freeze: Freeze, range: Range<Int64>?)]
  private let zones: ZoneOffset

  /// An instant at which a rollout may go on, as the place that opens then sees it.
  struct Opening {
    var seconds: Int64
    var time: LocalTime
    var timeZone: String
  }

  init(_ schedule: Schedule, _ zones: @escaping ZoneOffset) {
    windows = schedule.windows.map { ($0, WallClock($0.timeZone, zones)) }
    freezes = schedule.freezes.map { freeze in
      let clock = WallClock(freeze.timeZone, zones)
      let from = clock?.instants(of: freeze.from).first
      let to = clock?.instants(of: freeze.to).last
      guard let from, let to else { return (freeze, nil) }
      return (freeze, from..<max(from, to))
    }
    self.zones = zones
  }

  /// Why nothing moves at an instant, or `nil`.
  func obstacle(at now: Int64) -> String? {
    if let (freeze, _) = freezes.first(where: { $0.range == nil }) {
      return "frozen, since the time zone '\(freeze.timeZone)' is not known here"
    }
    if let (freeze, _) = freezes.first(where: { $0.range?.contains(now) == true }) {
      return freeze.reason.map { "frozen: \($0)" } ?? "frozen"
    }
    if isInWindow(now) { return nil }
    if let (window, _) = windows.first(where: { $0.clock == nil }) {
      return "outside of its windows; the time zone '\(window.timeZone)' is not known here"
    }
    return "outside of its windows"
  }

  private func isInWindow(_ now: Int64) -> Bool {
    windows.isEmpty || windows.contains { $0.clock?.isOpen($0.window, at: now) == true }
  }

  /// The first instant from `now` on at which nothing is in the way.
  func opening(after now: Int64) -> Opening? {
    guard freezes.allSatisfy({ $0.range != nil }) else { return nil }
    var now = now
    // Each turn leaves a freeze behind for ever, or comes to a window that the next one leaves
    // only for a freeze.
    for _ in 0...2 * freezes.count + 1 {
      let frozen = freezes.filter { $0.range?.contains(now) == true }
      if let end = frozen.compactMap({ $0.range?.upperBound }).max() {
        now = end
      } else if isInWindow(now) {
        return opening(at: now)
      } else if let next = windows.compactMap({ $0.clock?.opening(of: $0.window, after: now) })
        .min()
      {
        now = next
      } else {
        return nil
      }
    }
    return nil
  }

  /// By the clock of the window that is open, or of the freeze that ends.
  private func opening(at now: Int64) -> Opening? {
    let open = windows.first { $0.clock?.isOpen($0.window, at: now) == true }?.window.timeZone
    let ended = freezes.first { $0.range?.upperBound == now }?.freeze.timeZone
    guard let zone = open ?? ended, let clock = WallClock(zone, zones) else { return nil }
    return Opening(seconds: now, time: clock.time(at: now), timeZone: zone)
  }
}

extension WallClock {
  /// Whether the clock shows a time in `window`.
  fileprivate func isOpen(_ window: WeeklyWindow, at now: Int64) -> Bool {
    let time = time(at: now)
    return window.days.contains(time.weekday) && window.opensAtMinute <= time.minute
      && time.minute < window.closesAtMinute
  }

  /// The first instant behind `now`, which is outside, at which the clock comes into `window`: at
  /// its beginning, or where it is put forward or back into it. Two weeks are looked through, since
  /// a clock may skip the only window of one.
  fileprivate func opening(of window: WeeklyWindow, after now: Int64) -> Int64? {
    let today = time(at: now).day
    for day in today...today + 15 {
      let beginning = LocalTime(day: day, minute: window.opensAtMinute)
      guard window.days.contains(beginning.weekday) else { continue }
      let candidates = instants(of: beginning) + (jump(on: day).map { [$0] } ?? [])
      if let first = candidates.filter({ $0 > now && isOpen(window, at: $0) }).min() {
        return first
      }
    }
    return nil
  }
}

extension LocalTime {
  /// `Mon 2026-11-30 09:00`
  fileprivate var inWords: String {
    "\(weekday.rawValue) "
      + description.split(separator: "T").map(String.init).joined(separator: " ")
  }
}
