import Experimentation

// What stands behind each key about who takes part, when, and who is told.

extension MatchKey {
  var entry: KeyEntry {
    switch self {
    case .label:
      KeyEntry(
        .oneOrSeveral(.pattern(SliceReader.labelPattern), RequestMatch.maximumConditions),
        usual: "one or both",
        """
        `"tier=gold"`: the request's `metadata` has that member with that value; or a list of up \
        to 8, which must all hold
        """)
    case .header:
      KeyEntry(
        .oneOrSeveral(.pattern(MatchReader.headerPattern), RequestMatch.maximumConditions),
        usual: "one or both",
        """
        `"x-tenant=acme"`: the request has that header, in lower case here, with that value; or a \
        list of up to 8, which must all hold
        """)
    }
  }

  static var rules: [KeyRule<Self>] { [.atLeastOne(allCases)] }
}

extension WindowKey {
  var entry: KeyEntry {
    switch self {
    case .allow:
      KeyEntry(
        .pattern(ScheduleReader.windowPattern),
        """
        days and times of each week: `"Mon-Thu 09:00-16:00"`, `"Mon,Wed 09:00-12:00"`, `"Sat-Sun \
        00:00-24:00"`; one over midnight is written as two
        """)
    case .timeZone:
      KeyEntry(
        .pattern(ScheduleReader.zonePattern),
        "whose clock is meant, as the IANA names it: `Europe/Berlin`, `UTC`")
    }
  }
}

extension FreezeKey {
  var entry: KeyEntry {
    switch self {
    case .from:
      KeyEntry(
        .pattern(ScheduleReader.timePattern),
        "the first day of it, `2026-12-20`, or the minute, `2026-12-20T18:00`")
    case .to:
      KeyEntry(
        .pattern(ScheduleReader.timePattern), "the first day, or minute, that is outside again")
    case .timeZone:
      KeyEntry(.pattern(ScheduleReader.zonePattern), "whose clock is meant")
    case .reason:
      KeyEntry(.text, usual: "none", "why, for people to read")
    }
  }
}

extension NotifyKey {
  var entry: KeyEntry {
    switch self {
    case .on:
      let events = NotificationRule.Occasion.allCases.map(\.rawValue)
      return KeyEntry(
        .list(.words(events), 1...events.count), events.map { "`\($0)`" }.joined(separator: ", "))
    case .webhook:
      return KeyEntry(
        .pattern(NotificationReader.urlPattern), usual: "one of two",
        "where to; an address that is no secret: no password, no `?`, no `#`")
    case .webhookEnv:
      return KeyEntry(
        .word(.environmentName), usual: "one of two",
        "name of the environment variable that holds the address")
    }
  }

  static var rules: [KeyRule<Self>] { [.exactlyOne(targets)] }
}
