import Storage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Ownership of a folder by one process: an advisory lock on `rollout.lock` in it.
///
/// The kernel gives the lock back when the process ends, however it ends, so that no stale lock is
/// ever in the way. The file stays, and holds the owner's process id for people.
final class FolderLock: Sendable {
  private let descriptor: CInt

  /// Takes the folder or throws `inUse` at once; never waits.
  init(folder: String) throws(StorageError) {
    let path = folder + "/rollout.lock"
    let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard opened >= 0 else { throw Self.refusal(of: folder, errno) }
    guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
      let reason = errno
      let holder = Self.processID(in: opened)
      close(opened)
      guard reason == EWOULDBLOCK else { throw Self.cannotLock(folder, reason) }
      throw StorageError(
        .inUse,
        "'\(folder)' is in use by process \(holder ?? "?"), and two may not write to it; stop that "
          + "one, or give this one a folder of its own")
    }
    Self.write(processID: getpid(), to: opened)
    descriptor = opened
  }

  deinit { close(descriptor) }

  private static func processID(in file: CInt) -> String? {
    var bytes = [UInt8](repeating: 0, count: 20)
    let count = pread(file, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    let digits = bytes.prefix(count).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
  }

  /// The number is for the message of a refused process: failing to write it does no harm.
  private static func write(processID: pid_t, to file: CInt) {
    let bytes = Array("\(processID)\n".utf8)
    _ = ftruncate(file, 0)
    _ = pwrite(file, bytes, bytes.count, 0)
  }

  private static func refusal(of folder: String, _ reason: CInt) -> StorageError {
    switch reason {
    case ENOENT:
      StorageError(.unavailable, "there is no folder '\(folder)'; make it: mkdir -p '\(folder)'")
    case ENOTDIR:
      StorageError(.unavailable, "'\(folder)' is not a folder; name one")
    case EACCES, EPERM, EROFS:
      StorageError(
        .unavailable,
        "'\(folder)' cannot be written to (\(text(of: reason))); give this user the right to, or "
          + "name another folder")
    case ENOSPC, EDQUOT:
      StorageError(.unavailable, "no room on the disk of '\(folder)'; make some and start again")
    default:
      StorageError(.unavailable, "'\(folder)' cannot be opened: \(text(of: reason))")
    }
  }

  private static func cannotLock(_ folder: String, _ reason: CInt) -> StorageError {
    StorageError(
      .unavailable,
      "the file system of '\(folder)' cannot lock (\(text(of: reason))); name a folder on a local "
        + "disk")
  }

  private static func text(of reason: CInt) -> String { String(cString: strerror(reason)) }
}
