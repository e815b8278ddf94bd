import Storage
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The journal's head in a file of its own, replaced with every append.
///
/// A chain of hashes shows what was changed in it, not that its end was cut off or that an older
/// copy stands in its place; a head that is kept elsewhere does. Best on another volume, which
/// whoever can change the one cannot change.
///
/// One line: `rollout-anchor-1`, the sequence and the hash, with a space between. A new file takes
/// the old one's name when it is on the disk, so that there is always a whole one.
final class JournalAnchor: Sendable {
  let path: String
  /// Why the last head could not be written, until one can.
  private let lastProblem = Mutex<String?>(nil)

  private static let kind = "rollout-anchor-1"
  private static let maximumBytes = 256

  init(path: String) { self.path = path }

  var problem: String? { lastProblem.withLock { $0 } }

  /// The head that was written last, or `nil` when there is no file.
  ///
  /// - Throws: `corrupt` for a file that is none of ours, `unavailable` for one that cannot be read
  func head() throws(StorageError) -> JournalHead? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 && errno == ENOENT { return nil }
    guard file >= 0 else { throw unreadable(errno) }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: Self.maximumBytes)
    let count = read(file, &bytes, bytes.count)
    guard count >= 0 else { throw unreadable(errno) }
    let words = String(decoding: bytes.prefix(count), as: UTF8.self)
      .split(whereSeparator: { " \n".contains($0) })
    guard words.count == 3, words[0] == Self.kind, words[2].utf8.count == 64,
      let sequence = Int64(words[1]), sequence >= 0
    else {
      throw StorageError(
        .corrupt, "'\(path)' is no anchor of a journal; restore it, or move it away")
    }
    return JournalHead(sequence: sequence, hash: String(words[2]))
  }

  /// Has `head` on the disk when it returns, or notes why it is not: the decision stands in the
  /// journal all the same, and the next append tries again.
  func write(_ head: JournalHead) {
    let failure = replace(with: "\(Self.kind) \(head.sequence) \(head.hash)\n")
    lastProblem.withLock {
      $0 = failure.map { "the journal's anchor '\(path)' is behind: \(Self.text(of: $0))" }
    }
  }

  /// - Returns: the system's error number, if any
  private func replace(with text: String) -> CInt? {
    let new = path + ".new"
    let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { return errno }
    let bytes = Array(text.utf8)
    let written = Self.write(bytes, to: file)
    let isOnDisk = written && fsync(file) == 0
    let reason = errno
    close(file)
    guard isOnDisk else { return reason }
    guard rename(new, path) == 0 else { return errno }
    return syncFolder()
  }

  private static func write(_ bytes: [UInt8], to file: CInt) -> Bool {
    #if canImport(Glibc)
      let count = Glibc.write(file, bytes, bytes.count)
    #elseif canImport(Musl)
      let count = Musl.write(file, bytes, bytes.count)
    #else
      let count = Darwin.write(file, bytes, bytes.count)
    #endif
    if count >= 0 && count < bytes.count { errno = ENOSPC }
    return count == bytes.count
  }

  /// A name is on the disk when its folder is.
  private func syncFolder() -> CInt? {
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let name = folder.isEmpty ? "." : folder == [""] ? "/" : folder.joined(separator: "/")
    let file = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard file >= 0 else { return errno }
    defer { close(file) }
    return fsync(file) == 0 ? nil : errno
  }

  private func unreadable(_ reason: CInt) -> StorageError {
    StorageError(.unavailable, "the anchor '\(path)' cannot be read: \(Self.text(of: reason))")
  }

  private static func text(of reason: CInt) -> String { String(cString: strerror(reason)) }
}
