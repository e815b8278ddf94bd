// When a rollout may move.
extension Explanation {
  static let invalidDate = Explanation(
    "This is no day of a calendar.",
    because: """
      A day is written year first, `2026-12-20`, which means the same everywhere; a minute of it
      `2026-12-20T18:00`. What no calendar has, such as the 31st of June, is refused rather than
      taken for the day after.
      """,
    .rollout(
      """
      freeze:
        - { from: 20.12.2026, to: 2027-01-04, timeZone: Europe/Berlin }
      """,
      mended: """
        freeze:
          - { from: 2026-12-20, to: 2027-01-04, timeZone: Europe/Berlin }
        """))

  static let invalidWindow = Explanation(
    "The window cannot be read, or is open at no time.",
    because: """
      A window is days and times of one day: `Mon-Thu 09:00-16:00`. Days are Mon to Sun, one,
      several with commas, or from one to another; times have two digits each, and the end is
      outside. What goes over midnight is written as two, because "Fri 22:00-06:00" means Saturday
      morning to some readers and Friday morning to others.
      """,
    .rollout(
      """
      windows:
        - { allow: "Fri 22:00-06:00", timeZone: Europe/Berlin }
      """,
      mended: """
        windows:
          - { allow: "Fri 22:00-24:00", timeZone: Europe/Berlin }
          - { allow: "Sat 00:00-06:00", timeZone: Europe/Berlin }
        """))

  static let longFreeze = Explanation(
    "A freeze lasts longer than five years.",
    because: """
      Nothing is promoted until it ends. That may be meant for a route that is given up; more often
      a year was mistyped.
      """,
    .rollout(
      """
      freeze:
        - { from: "2026-12-20", to: "2037-01-04", timeZone: Europe/Berlin }
      """,
      mended: """
        freeze:
          - { from: "2026-12-20", to: "2027-01-04", timeZone: Europe/Berlin }
        """))

  static let repeatedValue = Explanation(
    "The same is there twice.",
    because: """
      A day, an event, a label or a header that is named twice says nothing the second time. Mostly
      another one was meant; and of two values of one label, which must both hold, no request has
      both.
      """,
    .rollout(
      "match: { label: [\"tier=gold\", \"tier=silver\"] }",
      mended: "match: { label: [\"tier=gold\", \"region=eu\"] }"))

  static let unknownTimeZone = Explanation(
    "No time zone has that name.",
    because: """
      Zones are written as the IANA names them, after a city, so that summer time is what it is
      there. Abbreviations are refused: `CET` and `GMT+1` stay the same all year, `IST` is three
      countries. `UTC` is itself.
      """,
    .rollout(
      """
      windows:
        - { allow: "Mon-Thu 09:00-16:00", timeZone: Europe/Berln }
      """,
      mended: """
        windows:
          - { allow: "Mon-Thu 09:00-16:00", timeZone: Europe/Berlin }
        """))
}
