/// The length of the longest sequence that two rows have in common, in one order, with gaps.
enum LongestCommonSubsequence {
  /// 64 cells of the table of dynamic programming at a time: V ← (V + (V ∧ M)) ∨ (V ∧ ¬M), where M
  /// has a bit for each place of `first` that is the element at hand. The answer is the number of
  /// zeros in V (Hyyrö 2004, "Bit-parallel LCS-length computation revisited", fig. 2).
  ///
  /// - Complexity: O(second · ⌈first / 64⌉) time, O(distinct · first / 64) memory
  static func length<Element: Hashable>(_ first: [Element], _ second: [Element]) -> Int {
    guard !first.isEmpty, !second.isEmpty else { return 0 }
    let blocks = (first.count + 63) / 64
    var places: [Element: [UInt64]] = [:]
    for (index, element) in first.enumerated() {
      places[element, default: [UInt64](repeating: 0, count: blocks)][index / 64] |=
        1 << UInt64(index % 64)
    }
    var row = [UInt64](repeating: .max, count: blocks)
    for element in second {
      guard let mask = places[element] else { continue }
      var carry: UInt64 = 0
      for block in 0..<blocks {
        let common = row[block] & mask[block]
        let (partial, overflow) = row[block].addingReportingOverflow(common)
        let (sum, again) = partial.addingReportingOverflow(carry)
        carry = overflow || again ? 1 : 0
        row[block] = sum | (row[block] & ~mask[block])
      }
    }
    // Bits beyond the row's end were never in a mask, and so stay 1.
    return row.reduce(0) { $0 + (~$1).nonzeroBitCount }
  }
}
