#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A regular file of weights, open for reading for as long as this object lives.
///
/// It is read by system calls and never mapped into memory: were a mapped file *shortened* by
/// another process, touching a page beyond the new end would kill this one (SIGBUS). Read so, a
/// shortened file is an error like any other, `checkUnchanged()` notices a rewritten one, and its
/// pages do not count as this process's memory. Whoever replaces weights should write a new file
/// and rename it over the old: an open one stays whole.
package final class WeightFile: Sendable {
  /// The path as given, for messages.
  package let path: String
  private let descriptor: Int32
  private let identity: Identity

  /// Opens `path`, following symbolic links. Never blocks on a FIFO.
  ///
  /// - Throws: `unreadableFile` if there is no file, no permission, or no regular file there.
  package init(path: String) throws(TransformerError) {
    // Without O_NONBLOCK, opening a FIFO waits for a writer, maybe for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw Self.unreadable(path, "cannot be opened: \(Self.lastError())")
    }
    do throws(TransformerError) {
      identity = try Identity(descriptor: descriptor, path: path)
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  /// The length of the file when it was opened.
  package var byteCount: Int { identity.byteCount }

  /// Copies the bytes from `offset` on into all of `destination`.
  ///
  /// - Throws: `unreadableFile` if the file ends earlier now, or the disk fails.
  package func read(
    at offset: Int, into destination: UnsafeMutableRawBufferPointer
  ) throws(TransformerError) {
    var done = 0
    while done < destination.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: destination[done...])
      let count = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
      if count > 0 {
        done += count
      } else if count == 0 {
        throw Self.unreadable(
          path, "ended at byte \(offset + done) while it was read; it had \(byteCount) bytes")
      } else if errno != EINTR {
        throw Self.unreadable(
          path, "cannot be read at byte \(offset + done): \(Self.lastError())")
      }
    }
  }

  /// Copies the first `byteCount` bytes.
  ///
  /// - Throws: as `read`
  func front(byteCount: Int) throws(TransformerError) -> [UInt8] {
    var failure: TransformerError?
    let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      do throws(TransformerError) {
        try read(
          at: 0, into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: byteCount))
        count = byteCount
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Whether there is something at `path`; opening it may still fail.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Whether `path` leads to a folder.
  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Makes sure that the opened file still has the length and the time of change it had.
  ///
  /// - Throws: `unreadableFile` if somebody wrote to the file since it was opened.
  package func checkUnchanged() throws(TransformerError) {
    let now = try Identity(descriptor: descriptor, path: path)
    guard now == identity else {
      throw Self.unreadable(
        path,
        "changed while it was loaded (\(identity.byteCount) bytes, now \(now.byteCount)); "
          + "replace weights by renaming a complete new file, then load again")
    }
  }

  private static func unreadable(_ path: String, _ what: String) -> TransformerError {
    TransformerError(.unreadableFile, "'\(path)' \(what)")
  }

  private static func lastError() -> String {
    String(cString: strerror(errno))
  }

  /// What tells one state of a file from another.
  private struct Identity: Equatable {
    let device: UInt64
    let inode: UInt64
    let byteCount: Int
    let modifiedSeconds: Int
    let modifiedNanoseconds: Int

    init(descriptor: Int32, path: String) throws(TransformerError) {
      var status = stat()
      guard fstat(descriptor, &status) == 0 else {
        throw unreadable(path, "cannot be examined: \(lastError())")
      }
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw unreadable(path, "is not a regular file; name the file that holds the weights")
      }
      device = UInt64(truncatingIfNeeded: status.st_dev)
      inode = UInt64(truncatingIfNeeded: status.st_ino)
      byteCount = Int(status.st_size)
      #if canImport(Darwin)
        let modified = status.st_mtimespec
      #else
        let modified = status.st_mtim
      #endif
      modifiedSeconds = modified.tv_sec
      modifiedNanoseconds = modified.tv_nsec
    }
  }
}
