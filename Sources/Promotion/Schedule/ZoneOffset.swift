import Foundation

/// How clocks on walls run: seconds east of Greenwich in the time zone of a name, at an instant in
/// seconds since 1970; `nil` for a zone that is not known here.
package typealias ZoneOffset = (_ timeZone: String, _ seconds: Int64) -> Int64?

/// The zones that the system knows.
package enum SystemZones {
  /// Seconds east of Greenwich; `nil` for a zone that the system's database does not have.
  package static func offset(_ timeZone: String, _ seconds: Int64) -> Int64? {
    TimeZone(identifier: timeZone).map {
      Int64($0.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds))))
    }
  }
}
