#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A regular file mapped into memory, read-only, for as long as this object lives.
///
/// Mapping costs no reading: pages come in when they are touched. What a mapping cannot promise is
/// that the file keeps its length. If another process *shortens* the file, touching a page beyond
/// the new end kills this process (SIGBUS). Three things keep that away from people who load
/// weights:
///
/// - `read(at:into:)` copies with a system call, which reports a shortened file as an error;
/// - `checkUnchanged()` notices a replaced, shortened or rewritten file before `bytes` is touched;
/// - nothing needs the mapping after loading, for weights are repacked into memory of our own.
///
/// What remains is the moment between a check and the touch of a page during loading. Whoever
/// replaces weights should write a new file and rename it over the old: the mapping then keeps the
/// old file alive, whole.
package final class MappedFile: Sendable {
  /// The path as given, for messages.
  package let path: String
  private let descriptor: Int32
  private let identity: Identity
  // The pages are read-only and stay mapped until `deinit`, so that any thread may read them.
  private nonisolated(unsafe) let base: UnsafeRawPointer?

  /// Opens and maps `path`, following symbolic links. Never blocks on a FIFO.
  ///
  /// - Throws: `unreadableFile` if there is no file, no permission, or no regular file there.
  package init(path: String) throws(TransformerError) {
    // Without O_NONBLOCK, opening a FIFO waits for a writer, maybe for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw Self.unreadable(path, "cannot be opened: \(Self.lastError())")
    }
    do throws(TransformerError) {
      let identity = try Identity(descriptor: descriptor, path: path)
      self.base = try Self.map(descriptor, byteCount: identity.byteCount, path: path)
      self.identity = identity
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.path = path
  }

  deinit {
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), identity.byteCount) }
    close(descriptor)
  }

  /// The length of the file when it was opened.
  package var byteCount: Int { identity.byteCount }

  /// The whole file. Valid as long as this object lives; see the type for what may go wrong.
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: base, count: base == nil ? 0 : byteCount)
  }

  /// Copies the bytes from `offset` on into all of `destination`, without touching the mapping.
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

  private static func map(
    _ descriptor: Int32, byteCount: Int, path: String
  ) throws(TransformerError) -> UnsafeRawPointer? {
    // An empty mapping is an error to the system; an empty file is not one to us.
    guard byteCount > 0 else { return nil }
    let address = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0)
    guard let address, address != MAP_FAILED else {
      throw unreadable(path, "cannot be mapped into memory: \(lastError())")
    }
    return UnsafeRawPointer(address)
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
