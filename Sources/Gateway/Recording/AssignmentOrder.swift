/// Puts what ends out of order back into the order in which it began.
///
/// Tests over outcomes in order of arrival favour what finishes early; in order of assignment they
/// do not (STATISTICS principle 5). Each request takes a number when it is assigned and gives it
/// back with what it left; whatever no earlier open number holds back is released. How many numbers
/// and elements it holds is up to the caller, who opens no more when `count` is too much.
struct AssignmentOrder<Element> {
  private struct Entry {
    let number: UInt64
    let element: Element
  }

  private var newest: UInt64 = 0
  /// Ascending.
  private var open: [UInt64] = []
  /// Ascending by number; each has an open number before it.
  private var held: [Entry] = []

  /// Open numbers, and elements that wait for them.
  var count: Int { open.count + held.count }

  /// The number of an assignment made now.
  mutating func next() -> UInt64 {
    newest += 1
    open.append(newest)
    return newest
  }

  /// Gives `number` back, with what the request left, if anything.
  ///
  /// - Returns: everything that is now in order, oldest first. Empty when an earlier number is
  ///   open, and when `number` is not.
  mutating func close(_ number: UInt64, with element: Element?) -> [Element] {
    let place = open.partitioningIndex { $0 >= number }
    guard place < open.count, open[place] == number else { return [] }
    open.remove(at: place)
    if let element {
      let entry = Entry(number: number, element: element)
      held.insert(entry, at: held.partitioningIndex { $0.number > number })
    }
    let oldestOpen = open.first ?? .max
    let released = held.partitioningIndex { $0.number > oldestOpen }
    defer { held.removeFirst(released) }
    return held.prefix(released).map(\.element)
  }
}

/// One `AssignmentOrder` for each key: what is slow under one key holds nothing of another back.
struct AssignmentOrders<Key: Hashable, Element> {
  private var orders: [Key: AssignmentOrder<Element>] = [:]
  /// Open numbers, and elements that wait for them, of all keys together.
  private(set) var count = 0

  /// The number of an assignment under `key` made now.
  mutating func next(_ key: Key) -> UInt64 {
    count += 1
    return orders[key, default: AssignmentOrder()].next()
  }

  /// Gives `number` back, as `AssignmentOrder.close` does.
  mutating func close(_ number: UInt64, of key: Key, with element: Element?) -> [Element] {
    let before = orders[key]?.count ?? 0
    let released = orders[key]?.close(number, with: element) ?? []
    count += (orders[key]?.count ?? 0) - before
    return released
  }
}

extension Array {
  /// The first index whose element `belongs` to the second part, or the end; the array must be
  /// ordered so that all of the first part come first.
  fileprivate func partitioningIndex(where belongs: (Element) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = low + (high - low) / 2
      if belongs(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
