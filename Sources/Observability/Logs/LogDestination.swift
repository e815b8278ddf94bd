import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Where log lines go: a file descriptor that somebody else owns, standard error in a running
/// service.
///
/// A log must not stop what it tells of. A line that cannot be written, on a full disk or into a
/// closed pipe, is dropped and counted. So is one for a pipe whose reader has stopped: it is waited
/// for once, for ``patienceMilliseconds``, and then no longer until it reads again.
package final class LogDestination: Sendable {
  package static let standardError = LogDestination(fileDescriptor: STDERR_FILENO)

  /// How long a reader that lags behind may hold a line up.
  package static let patienceMilliseconds = 20

  private let fileDescriptor: CInt
  private let state = Mutex(State())

  private struct State {
    var droppedLines = 0
    /// Whether the last line was dropped because nobody read.
    var isStalled = false
    /// Whether the last line was cut short, so that the next has to end it first.
    var isTorn = false
  }

  /// What a pipe takes at once when it takes anything (POSIX's `_POSIX_PIPE_BUF` is less, Linux's
  /// `PIPE_BUF` this).
  private static let pieceBytes = 4_096

  /// - Parameter fileDescriptor: open for as long as this is used
  package init(fileDescriptor: CInt) {
    self.fileDescriptor = fileDescriptor
  }

  /// How many lines were lost, in whole or in part.
  package var droppedLines: Int { state.withLock { $0.droppedLines } }

  /// Writes `line` and a line's end; lines of several threads do not mix.
  package func write(line: String) {
    state.withLock { state in
      let bytes = Array(((state.isTorn ? "\n" : "") + line + "\n").utf8)
      var rest = bytes[...]
      while !rest.isEmpty {
        guard takes(after: state.isStalled ? 0 : Self.patienceMilliseconds) else {
          state.isStalled = true
          break
        }
        state.isStalled = false
        let written = rest.prefix(Self.pieceBytes).withUnsafeBytes {
          systemWrite(fileDescriptor, $0)
        }
        if written < 0, errno == EINTR || errno == EAGAIN { continue }
        guard written > 0 else { break }
        rest = rest.dropFirst(written)
      }
      if !rest.isEmpty { state.droppedLines += 1 }
      // Nothing of a line that was not begun is in the way of the next.
      if rest.count < bytes.count { state.isTorn = !rest.isEmpty }
    }
  }

  /// Whether a piece can be written without waiting, at the latest after so many milliseconds. A
  /// file always can, and says so itself when it cannot.
  private func takes(after milliseconds: Int) -> Bool {
    var query = pollfd(fd: fileDescriptor, events: Int16(POLLOUT), revents: 0)
    let ready = poll(&query, 1, CInt(milliseconds))
    return ready > 0 || ready < 0 && errno == EINTR
  }
}

private func systemWrite(_ fileDescriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(fileDescriptor, bytes.baseAddress, bytes.count)
}
