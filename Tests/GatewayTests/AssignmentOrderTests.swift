import Testing

@testable import Gateway

@Suite struct AssignmentOrderTests {
  @Test func `what ends in order goes on at once`() {
    var order = AssignmentOrder<String>()
    for name in ["a", "b", "c"] {
      let number = order.next()
      #expect(order.close(number, with: name) == [name])
      #expect(order.count == 0)
    }
  }

  @Test func `what ends early waits for what began before it`() {
    var order = AssignmentOrder<String>()
    let (a, b, c) = (order.next(), order.next(), order.next())
    #expect(order.close(c, with: "c") == [])
    #expect(order.close(b, with: "b") == [])
    #expect(order.count == 3)
    #expect(order.close(a, with: "a") == ["a", "b", "c"])
    #expect(order.count == 0)
  }

  @Test func `a number that leaves nothing holds nothing back`() {
    var order = AssignmentOrder<String>()
    let (a, b, c) = (order.next(), order.next(), order.next())
    #expect(order.close(b, with: nil) == [])
    #expect(order.count == 2)
    #expect(order.close(c, with: "c") == [])
    #expect(order.close(a, with: nil) == ["c"])
  }

  @Test func `a number closes once, and only when it was given out`() {
    var order = AssignmentOrder<String>()
    let a = order.next()
    #expect(order.close(a + 1, with: "x") == [])
    #expect(order.close(0, with: "x") == [])
    #expect(order.close(a, with: "a") == ["a"])
    #expect(order.close(a, with: "again") == [])
    #expect(order.count == 0)
  }

  @Test(arguments: 0..<20)
  func `any order of endings comes out in the order of beginnings, each once`(seed: UInt64) {
    var random = Steps(state: seed)
    var order = AssignmentOrder<UInt64>()
    var open: [UInt64] = []
    var released: [UInt64] = []
    var expected: [UInt64] = []
    for _ in 0..<300 {
      if open.isEmpty || random.next(3) > 0 {
        let number = order.next()
        open.append(number)
      } else {
        let number = open.remove(at: random.next(open.count))
        let isKept = random.next(4) > 0
        if isKept { expected.append(number) }
        released += order.close(number, with: isKept ? number : nil)
        // Nothing is released past the oldest that is open.
        #expect(released.allSatisfy { $0 < open.first ?? .max })
      }
    }
    for number in open {
      expected.append(number)
      released += order.close(number, with: number)
    }
    #expect(released == expected.sorted())
    #expect(order.count == 0)
  }

  @Test func `orders of different keys do not know of each other`() {
    var orders = AssignmentOrders<String, Int>()
    let slow = orders.next("a")
    let (first, second) = (orders.next("b"), orders.next("b"))
    #expect(orders.close(second, of: "b", with: 2) == [])
    #expect(orders.count == 3)
    #expect(orders.close(first, of: "b", with: 1) == [1, 2])
    #expect(orders.count == 1)
    #expect(orders.close(slow, of: "a", with: 3) == [3])
    #expect(orders.close(1, of: "unknown", with: 4) == [])
  }
}

/// Knuth's linear congruential generator (MMIX), for orders of events that a seed names.
private struct Steps {
  var state: UInt64

  /// 0 ..< `bound`.
  mutating func next(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
}
