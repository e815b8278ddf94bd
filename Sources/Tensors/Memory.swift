#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Zeroed bytes of a fixed size outside the heap, aligned to pages, given back when let go.
///
/// Untouched pages take no room. Sendable because it owns nothing but the address: whoever holds
/// it agrees with others on who writes where, as the documentation of each holder says.
package final class Memory: Sendable {
  package let byteCount: Int
  /// The first byte; valid as long as this object.
  nonisolated(unsafe) package let base: UnsafeMutableRawPointer

  /// Reserves `byteCount` bytes, at least 1.
  ///
  /// - Parameter isLarge: asks for large pages, which long sequential reads profit from.
  /// - Returns: `nil` if the system refuses.
  package init?(byteCount: Int, isLarge: Bool = false) {
    precondition(byteCount > 0, "memory without bytes")
    let start = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | Self.anonymous, -1, 0)
    guard let start, start != MAP_FAILED else { return nil }
    #if canImport(Glibc)
      if isLarge { madvise(start, byteCount, MADV_HUGEPAGE) }
    #endif
    base = start
    self.byteCount = byteCount
  }

  #if canImport(Glibc)
    private static let anonymous = MAP_ANONYMOUS
  #else
    private static let anonymous = MAP_ANON
  #endif

  deinit {
    munmap(base, byteCount)
  }
}
