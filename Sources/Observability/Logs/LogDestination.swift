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
/// Each line is one `write`, so that lines of several threads do not mix. A line that cannot be
/// written, on a full disk or into a closed pipe, is dropped and counted: a log must not stop what
/// it tells of.
package final class LogDestination: Sendable {
  package static let standardError = LogDestination(fileDescriptor: STDERR_FILENO)

  private let fileDescriptor: CInt
  private let dropped = Atomic<Int>(0)

  /// - Parameter fileDescriptor: open for as long as this is used
  package init(fileDescriptor: CInt) {
    self.fileDescriptor = fileDescriptor
  }

  /// How many lines were lost, in whole or in part.
  package var droppedLines: Int { dropped.load(ordering: .relaxed) }

  /// Writes `line` and a line's end.
  package func write(line: String) {
    var bytes = Array(line.utf8)
    bytes.append(UInt8(ascii: "\n"))
    let isWritten = bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let written = systemWrite(fileDescriptor, UnsafeRawBufferPointer(rebasing: rest))
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { return false }
        rest = rest.dropFirst(written)
      }
      return true
    }
    if !isWritten { dropped.add(1, ordering: .relaxed) }
  }
}

private func systemWrite(_ fileDescriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(fileDescriptor, bytes.baseAddress, bytes.count)
}
