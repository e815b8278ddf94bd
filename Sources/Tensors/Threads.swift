import Foundation
#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A thread of our own, outside Swift's pool, so that it may compute and block as long as it likes.
package final class ComputeThread: Sendable {

  private final class Start: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  #if canImport(Glibc)
    private let handle: pthread_t
  #else
    // A name for the thread, never written after `init`.
    nonisolated(unsafe) private let handle: pthread_t?
  #endif

  /// Starts a thread that runs `body`, or returns `nil` if the system has no more threads.
  package init?(_ body: @escaping @Sendable () -> Void) {
    let start = Unmanaged.passRetained(Start(body))
    #if canImport(Glibc)
      var handle = pthread_t()
    #else
      var handle: pthread_t?
    #endif
    let status = pthread_create(
      &handle, nil,
      { argument in
        #if canImport(Glibc)
          guard let argument else { return nil }
        #endif
        Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, start.toOpaque())
    guard status == 0 else {
      start.release()
      return nil
    }
    self.handle = handle
  }

  /// Waits until the thread has returned. Call it exactly once.
  package func join() {
    #if canImport(Glibc)
      pthread_join(handle, nil)
    #else
      if let handle { pthread_join(handle, nil) }
    #endif
  }

  /// Runs `body` on `count` threads, the caller's among them, and returns when all have returned.
  ///
  /// With fewer threads than asked for, `body` runs fewer times: it must take its work from a
  /// shared counter.
  package static func run(_ count: Int, _ body: @escaping @Sendable () -> Void) {
    let others = (1..<max(1, count)).compactMap { _ in ComputeThread(body) }
    body()
    for thread in others { thread.join() }
  }

  /// Processors that this process may use: by its affinity and, in a container, by its quota.
  package static var processorCount: Int {
    max(1, min(ProcessInfo.processInfo.activeProcessorCount, quotaCount ?? Int.max))
  }

  /// Whole processors that the control group's quota amounts to, or `nil` without one.
  private static var quotaCount: Int? {
    guard let file = fopen("/sys/fs/cgroup/cpu.max", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 64)
    guard fgets(&line, Int32(line.count), file) != nil else { return nil }
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let numbers = text.split(whereSeparator: \.isWhitespace).map { Int($0) }
    guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], period > 0 else {
      return nil
    }
    return max(1, quota / period)
  }
}

/// A mutual exclusion lock with one condition to wait for.
package final class Monitor: Sendable {
  // Initialised once, then used through the pthread functions only, which synchronise themselves.
  nonisolated(unsafe) private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  nonisolated(unsafe) private let condition: UnsafeMutablePointer<pthread_cond_t>

  package init() {
    mutex = .allocate(capacity: 1)
    condition = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Runs `body` while no other thread runs one on this monitor.
  package func withLock<Result: ~Copyable, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Gives up the lock until somebody announces a change. Call inside `withLock`, in a loop that
  /// checks what it waits for.
  package func waitForChange() { pthread_cond_wait(condition, mutex) }

  /// The same, for at most `seconds` (0…60).
  package func waitForChange(atMost seconds: Double) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let nanoseconds = Int(min(60, max(0, seconds)) * 1e9) + Int(now.tv_nsec)
    var until = timespec()
    until.tv_sec = now.tv_sec + nanoseconds / 1_000_000_000
    until.tv_nsec = nanoseconds % 1_000_000_000
    pthread_cond_timedwait(condition, mutex, &until)
  }

  /// Wakes all who wait. Call inside `withLock`.
  package func announceChange() { pthread_cond_broadcast(condition) }
}
