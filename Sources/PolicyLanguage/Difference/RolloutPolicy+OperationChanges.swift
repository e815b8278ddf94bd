import Experimentation

/// Changes of who takes part, of when a rollout may go on, and of who is told.
extension RolloutPolicy {
  func changesOfOperations(from old: RolloutPolicy) -> [PolicyChange] {
    changesOfMatch(from: old)
      + changesOfWindows(from: old.schedule.windows)
      + Self.changes(
        "freeze", from: old.schedule.freezes, to: schedule.freezes, \.inWords,
        whenNew: .tightened, whenGone: .loosened)
      + Self.changes(
        "notify", from: old.notifications, to: notifications, \.inWords,
        whenNew: .changed, whenGone: .changed)
  }

  /// Fewer conditions let more requests take part, which is less care; others let other requests
  /// take part, which is neither.
  private func changesOfMatch(from old: RolloutPolicy) -> [PolicyChange] {
    guard match != old.match else { return [] }
    let (before, after) = (old.match?.conditions ?? [], match?.conditions ?? [])
    let effect: PolicyChange.Effect =
      before.isStrictSubset(of: after)
      ? .tightened : after.isStrictSubset(of: before) ? .loosened : .changed
    return [
      PolicyChange(effect, "requests that take part", from: old.match.inWords, to: match.inWords)
    ]
  }

  /// Without any window all hours are open, so that the first one is a restriction and each further
  /// one is not.
  private func changesOfWindows(from old: [WeeklyWindow]) -> [PolicyChange] {
    let isFirst = old.isEmpty
    let isLast = schedule.windows.isEmpty
    return Self.changes(
      "window", from: old, to: schedule.windows, \.inWords,
      whenNew: isFirst ? .tightened : .loosened, whenGone: isLast ? .loosened : .tightened)
  }

  /// What is in one list and not in the other; their order means nothing.
  private static func changes<Item: Hashable>(
    _ subject: String, from old: [Item], to new: [Item], _ words: (Item) -> String,
    whenNew: PolicyChange.Effect, whenGone: PolicyChange.Effect
  ) -> [PolicyChange] {
    let (before, after) = (Set(old), Set(new))
    return old.filter { !after.contains($0) }.map {
      PolicyChange(whenGone, subject, from: words($0), to: nil)
    }
      + new.filter { !before.contains($0) }.map {
        PolicyChange(whenNew, subject, from: nil, to: words($0))
      }
  }
}

// MARK: - Words

extension RequestMatch {
  /// As policies write them, each with its kind.
  fileprivate var conditions: Set<String> {
    Set(labels.map { "label \($0.canonicalText)" } + headers.map { "header \($0.canonicalText)" })
  }
}

extension RequestMatch? {
  fileprivate var inWords: String {
    map { "those with \($0.conditions.sorted().joined(separator: ", "))" } ?? "all"
  }
}

extension WeeklyWindow {
  /// `Mon-Thu 09:00-16:00 Europe/Berlin`
  fileprivate var inWords: String {
    let week = Weekday.allCases
    // Days that follow on each other, three or more of them, by their ends.
    let isRun =
      days.count > 2 && days.count < week.count
      && days.first.flatMap(week.firstIndex).map { Array(week.dropFirst($0).prefix(days.count)) }
        == days
    let names =
      days.count == week.count
      ? "every day"
      : isRun
        ? [days.first, days.last].compactMap { $0?.rawValue }.joined(separator: "-")
        : days.map(\.rawValue).joined(separator: ",")
    return "\(names) \(LocalTime.clock(opensAtMinute))-\(LocalTime.clock(closesAtMinute)) "
      + timeZone
  }
}

extension Freeze {
  /// `2026-12-20 to 2027-01-03 Europe/Berlin (holidays)`
  fileprivate var inWords: String {
    "\(from.inWords) to \(to.inWords) \(timeZone)" + (reason.map { " (\($0))" } ?? "")
  }
}

extension LocalTime {
  /// The day alone for the midnight at which it begins.
  fileprivate var inWords: String {
    minute == 0 ? String(description.prefix { $0 != "T" }) : description
  }
}

extension NotificationRule {
  /// `promoted, rolledBack to https://hooks.example.org/…`
  fileprivate var inWords: String {
    let address =
      switch target {
      case .url(let url): url
      case .environment(let name): "what $\(name) names"
      }
    return "\(occasions.map(\.rawValue).joined(separator: ", ")) to \(address)"
  }
}
