@testable import Transformer

extension SplitMix64 {
  /// Cuts `elements` into portions of 1 to 6, as a stream might deliver them.
  mutating func portions<Element>(of elements: [Element]) -> [ArraySlice<Element>] {
    var portions: [ArraySlice<Element>] = []
    var rest = elements[...]
    while !rest.isEmpty {
      let count = min(rest.count, 1 + Int(next() % 6))
      portions.append(rest.prefix(count))
      rest.removeFirst(count)
    }
    return portions
  }
}
