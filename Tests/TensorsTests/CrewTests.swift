import Synchronization
import Tensors
import Testing

struct CrewTests {
  private final class Counter: Sendable {
    let value = Atomic<Int>(0)
  }

  /// Two helpers and a leader, thousands of short loops: lost or doubled items would show.
  @Test func `every item runs exactly once, whoever helps`() {
    let crew = Crew()
    crew.open()
    let helpers = (1...2).compactMap { lane in ComputeThread { crew.help(lane: lane) } }
    let counts = (0..<97).map { _ in Counter() }
    let rounds = 3_000
    for round in 0..<rounds {
      crew.forEach(round % 98, lane: 0) { item, lane in
        #expect((0...2).contains(lane))
        counts[item].value.add(1, ordering: .relaxed)
      }
    }
    crew.close()
    for helper in helpers { helper.join() }
    for (item, count) in counts.enumerated() {
      let expected = (0..<rounds).count { $0 % 98 > item }
      #expect(count.value.load(ordering: .relaxed) == expected, "item \(item)")
    }
  }

  @Test func `helpers leave when the crew closes, and come back when it opens`() {
    let crew = Crew()
    crew.help(lane: 1)
    crew.open()
    let helper = ComputeThread { crew.help(lane: 1) }
    crew.forEach(10, lane: 0) { _, _ in }
    crew.close()
    helper?.join()
    #expect(crew.size == 1)
  }
}
