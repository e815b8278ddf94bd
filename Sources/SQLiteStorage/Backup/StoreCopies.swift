import GRDB
import Storage
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Copies of the store's files, made in its folder, one at a time.
///
/// A copy has lost its name before anybody reads it: the kernel frees it with its last reader,
/// however the process ends. One that a crash left half made is removed with the next opening.
final class StoreCopies: Sendable {
  /// Room that a copy leaves on the disk, for what is decided meanwhile.
  private static let reserveBytes = 64 << 20

  private let folder: String
  private let path: String
  private let isTaken = Mutex(false)

  init(folder: String) {
    self.folder = folder
    path = folder + "/copy.sqlite"
    // With what a crash left of its log, which another copy would take for its own.
    for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
  }

  /// - Parameters:
  ///   - table: one that is empty in the copy
  ///   - head: reads the journal's head off the source at the moment of the copy
  /// - Throws: `conflict` while there is another copy, `unavailable` without room for one
  func copy(
    _ file: DatabaseFile, without table: String? = nil,
    head: @escaping @Sendable (Database) throws -> JournalHead?
  ) async throws(StorageError) -> StoreCopy {
    guard take() else {
      throw StorageError(
        .conflict, "another copy of '\(folder)' is being made or read; wait for it to end")
    }
    let reader = Reader { [self] in
      unlink(path)
      isTaken.withLock { $0 = false }
    }
    try checkRoom(for: try await file.byteCount())
    let head = try await file.copy(to: path, without: table, head)
    guard let byteCount = reader.open(path) else { throw failure(errno) }
    unlink(path)
    return StoreCopy(byteCount: byteCount, head: head) {
      [self] offset, count throws(StorageError) in
      guard let bytes = reader.read(offset, count) else { throw failure(errno) }
      return bytes
    }
  }

  private func take() -> Bool {
    isTaken.withLock { taken in
      defer { taken = true }
      return !taken
    }
  }

  private func checkRoom(for bytes: Int) throws(StorageError) {
    var disk = statvfs()
    guard statvfs(folder, &disk) == 0 else { throw failure(errno) }
    let room = Int(clamping: UInt64(disk.f_bavail) * UInt64(disk.f_frsize)) - Self.reserveBytes
    guard room >= bytes else {
      throw StorageError(
        .unavailable,
        "a copy takes \(bytes >> 20) MiB of the disk of '\(folder)' for as long as it is read, and "
          + "only \(max(0, room) >> 20) MiB may be taken; make room, then retry")
    }
  }

  private func failure(_ reason: CInt) -> StorageError {
    StorageError(
      .unavailable, "the copy in '\(folder)' cannot be read: \(String(cString: strerror(reason)))")
  }
}

/// Reads a file that has no name any more, and says when nobody does.
private final class Reader: Sendable {
  private let descriptor = Mutex<CInt>(-1)
  private let ended: @Sendable () -> Void

  init(ended: @escaping @Sendable () -> Void) { self.ended = ended }

  deinit {
    descriptor.withLock { if $0 >= 0 { close($0) } }
    ended()
  }

  /// - Returns: the file's size; `nil` with `errno` set when it cannot be opened
  func open(_ path: String) -> Int? {
    let opened = systemOpen(path)
    guard opened >= 0 else { return nil }
    descriptor.withLock { $0 = opened }
    let size = lseek(opened, 0, SEEK_END)
    return size >= 0 ? Int(size) : nil
  }

  /// - Returns: `nil` with `errno` set when it cannot be read
  func read(_ offset: Int, _ count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    let read = pread(descriptor.withLock { $0 }, &bytes, count, off_t(offset))
    guard read >= 0 else { return nil }
    bytes.removeLast(count - read)
    return bytes
  }
}

private func systemOpen(_ path: String) -> CInt { open(path, O_RDONLY | O_CLOEXEC) }
