import GRDB
import Storage

extension StorageError {
  /// What a failure on `path` means for the caller.
  init(_ error: any Error, path: String) {
    switch error {
    case let error as StorageError: self = error
    case let error as DatabaseError: self.init(error, path: path)
    case is CancellationError:
      self.init(.unavailable, "reading '\(path)' was cancelled")
    case let error as RowDecodingError:
      self.init(.corrupt, "'\(path)' holds what it cannot hold: \(error); restore it from a backup")
    default:
      self.init(.corrupt, "'\(path)': \(error)")
    }
  }

  private init(_ error: DatabaseError, path: String) {
    let said = error.message ?? error.resultCode.description
    switch error.resultCode {
    case .SQLITE_FULL:
      self.init(
        .unavailable, "no room on the disk of '\(path)': nothing was written; make room, then retry"
      )
    case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH:
      self.init(
        .unavailable,
        "'\(path)' cannot be opened for writing (\(said)); check the folder's and the file's rights"
      )
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      self.init(
        .inUse,
        "another program has '\(path)' open; close it: one process alone may own the file")
    case .SQLITE_CORRUPT:
      self.init(
        .corrupt, "'\(path)' is damaged (\(said)); restore it from a backup, or move it away")
    case .SQLITE_NOTADB:
      self.init(
        .incompatible, "'\(path)' is no SQLite database; move it away, or name another folder")
    case .SQLITE_CONSTRAINT, .SQLITE_MISMATCH, .SQLITE_TOOBIG:
      self.init(.incompatible, "'\(path)' refuses a value that its schema forbids: \(said)")
    default:
      self.init(.unavailable, "'\(path)' failed: \(said) (\(error.resultCode)); try again")
    }
  }
}
