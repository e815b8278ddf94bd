/// Why a statistic could not be made; missing or useless observations are never an error.
package struct StatisticsError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Sorted by what the caller can do.
  package enum Code: Hashable, Sendable {
    /// A parameter is out of its range: mend the configuration.
    case invalidParameter
    /// The two values answer different questions and do not add up: mend the caller.
    case mismatch
    /// Stored bytes are not what was written: rebuild them from raw outcomes.
    case corruptEncoding
  }

  package let code: Code
  /// What, where, and how to mend it.
  package let message: String

  /// An error with its remedy in the message.
  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}

/// Refuses a parameter unless `condition` holds.
func require(
  _ condition: Bool, _ message: @autoclosure () -> String
) throws(StatisticsError) {
  guard condition else { throw StatisticsError(.invalidParameter, message()) }
}
