/// The values of `format` that are honoured, each as the pattern of its strings. Where a format is
/// wider than what a grammar of bounded size can say, some of its strings are left out; none is let
/// through that it does not have.
enum StringFormat: String, CaseIterable {
  case date
  case time
  case dateTime = "date-time"
  case uuid
  case email
  case hostname
  case ipv4

  /// RFC 3339, section 5.6, of the years 1000 to 2999, with the days that each month has.
  private static let day =
    #"(?:[12]\d{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])"#
    + #"|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"#
    + #"|(?:[12]\d(?:0[48]|[2468][048]|[13579][26])|(?:1[26]|2[048])00)-02-29)"#
  /// Without leap seconds.
  private static let clock =
    #"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+\-](?:[01]\d|2[0-3]):[0-5]\d)"#
  /// RFC 1123, section 2.1: up to three labels of up to 63 characters.
  private static let label = #"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"#

  /// What a string of the format matches.
  var pattern: String {
    switch self {
    case .date: "^\(Self.day)$"
    case .time: "^\(Self.clock)$"
    case .dateTime: "^\(Self.day)T\(Self.clock)$"
    // RFC 9562, section 4.
    case .uuid: #"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"#
    // RFC 5321, section 4.1.2: a dot-string of at most 64 characters, at a host name.
    case .email:
      #"^[A-Za-z0-9_+\-]{1,31}(?:\.[A-Za-z0-9_+\-]{1,32})?"#
        + #"@\#(Self.label)(?:\.\#(Self.label)){1,2}$"#
    case .hostname: "^\(Self.label)(?:\\.\(Self.label)){0,2}$"
    case .ipv4:
      #"^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$"#
    }
  }
}
