#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How many connections the process can afford.
///
/// A Swift process on Linux that runs out of file descriptors dies: libdispatch must be able to
/// open files of its own. A proxied connection may need two, so clients get less than half of what
/// is left after the files, the upstreams and the logs.
enum DescriptorLimit {
  private static let reserve = 128

  /// At most `wanted`, at least 1.
  static func connections(wanted: Int) -> Int {
    var limit = rlimit()
    #if canImport(Darwin)
      let result = getrlimit(RLIMIT_NOFILE, &limit)
    #else
      let result = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    #endif
    guard result == 0 else { return wanted }
    let available = Int(clamping: limit.rlim_cur) - reserve
    return max(1, min(wanted, available / 2))
  }
}
