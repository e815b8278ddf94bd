/// Puts what ends out of order back into the order in which it began.
///
/// Tests over outcomes in order of arrival favour what finishes early; in order of assignment they
/// do not (STATISTICS principle 5). Each request takes a number when it is assigned and gives it
/// back with what it left; whatever no earlier open number holds back is released. Holds at most
/// one entry for each number between the oldest open one and the newest, so it is bounded by the
/// requests that may begin while the slowest is under way.
struct AssignmentOrder<Element> {
  private var newest: UInt64 = 0
  private var oldestUnreleased: UInt64 = 1
  private var closed: [UInt64: Element?] = [:]

  /// Numbers that are closed but wait for an earlier one.
  var waiting: Int { closed.count }

  /// The number of an assignment made now.
  mutating func open() -> UInt64 {
    newest += 1
    return newest
  }

  /// Gives `number` back, with what the request left, if anything.
  ///
  /// - Returns: everything that is now in order, oldest first. Empty when an earlier number is
  ///   open.
  mutating func close(_ number: UInt64, with element: Element?) -> [Element] {
    guard number >= oldestUnreleased, number <= newest, closed[number] == nil else { return [] }
    closed[number] = .some(element)
    var released: [Element] = []
    while let entry = closed.removeValue(forKey: oldestUnreleased) {
      oldestUnreleased += 1
      if let element = entry { released.append(element) }
    }
    return released
  }
}
