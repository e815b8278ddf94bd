/// A failure to remember or to recall, sorted by what the caller may do about it.
package struct StorageError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What the caller may do about it.
  package enum Code: Hashable, Sendable {
    /// Another writer was faster: read again, decide again.
    case conflict
    /// The disk is full, slow or gone: trying later may work.
    case unavailable
    /// The file was written by a newer version, or by something else.
    case incompatible
    /// Another process owns the file.
    case inUse
    /// What was read contradicts itself.
    case corrupt
  }

  package var code: Code
  /// What, where and how to mend it.
  package var message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
