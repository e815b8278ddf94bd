internal import CKernels
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A leader's loops, which other threads may help with.
///
/// The leader calls `forEach`; helpers call `help`, and return when the leader calls `close`.
/// Items are taken one by one, so a helper that the system puts to sleep between two items delays
/// nobody, and a leader without helpers works alone. Which thread runs an item must not matter to
/// its result.
package final class Crew: Sendable {
  /// The most items in one loop: the loop's number, length and next item share one word.
  package static let itemLimit = Int(UInt16.max) - 1

  /// Loop number (32 bits), items in it (16), the next item (16). One word, so that an item is
  /// never taken from a loop that is over.
  private let ticket = Atomic<UInt64>(0)
  private let finished = Atomic<Int>(0)
  private let isOpen = Atomic<Bool>(false)
  private let helpers = Atomic<Int>(0)
  /// Written by the leader between loops, when no thread holds an item; read by holders only.
  nonisolated(unsafe) private var body: ((_ item: Int, _ lane: Int) -> Void)?

  package init() {}

  /// Threads at work now, the leader included.
  package var size: Int { helpers.load(ordering: .relaxed) + 1 }

  /// Lets helpers in.
  package func open() { isOpen.store(true, ordering: .releasing) }

  /// Sends helpers away; they leave within microseconds.
  package func close() { isOpen.store(false, ordering: .releasing) }

  /// Runs `body` once for each item and returns when all are done. For the leader only.
  ///
  /// - Parameters:
  ///   - count: 0...`itemLimit`
  ///   - lane: the leader's own lane, given to `body` for the items it runs itself
  ///   - body: gets the item and the lane of the thread that runs it; never two threads of a lane
  package func forEach(
    _ count: Int, lane: Int, _ body: (_ item: Int, _ lane: Int) -> Void
  ) {
    precondition(count <= Self.itemLimit, "\(count) items in one loop")
    if count <= 1 || helpers.load(ordering: .relaxed) == 0 {
      for item in 0..<max(0, count) { body(item, lane) }
      return
    }
    withoutActuallyEscaping(body) { escaping in
      self.body = escaping
      finished.store(0, ordering: .relaxed)
      let loop = (ticket.load(ordering: .relaxed) >> 32) &+ 1
      ticket.store(loop << 32 | UInt64(count) << 16, ordering: .releasing)
      while runItem(lane: lane) {}
      var spins = 0
      while finished.load(ordering: .acquiring) < count { Self.wait(&spins) }
      self.body = nil
    }
  }

  /// Helps with the leader's loops until it closes. For one thread of each lane.
  package func help(lane: Int) {
    helpers.add(1, ordering: .relaxed)
    var spins = 0
    while isOpen.load(ordering: .acquiring) {
      if runItem(lane: lane) { spins = 0 } else { Self.wait(&spins) }
    }
    helpers.subtract(1, ordering: .relaxed)
  }

  /// Takes and runs the next item; false if there is none.
  private func runItem(lane: Int) -> Bool {
    var seen = ticket.load(ordering: .acquiring)
    while true {
      let next = seen & 0xffff
      guard next < (seen >> 16) & 0xffff else { return false }
      let (isMine, now) = ticket.compareExchange(
        expected: seen, desired: seen + 1, ordering: .acquiring)
      if isMine {
        body?(Int(next), lane)
        finished.add(1, ordering: .releasing)
        return true
      }
      seen = now
    }
  }

  /// Waits a moment: first awake, then, if others need the processor, giving it up.
  private static func wait(_ spins: inout Int) {
    spins += 1
    if spins < 2_000 { ck_relax() } else { sched_yield() }
  }
}
