/// The name that a misspelt one was probably meant to be.
enum NearestName {
  /// The closest of `names` to `text`, or `nil` when none is close enough to be worth saying.
  ///
  /// Close is at most a third of the letters changed, and at least one allowed; the first of equals
  /// wins.
  static func suggestion(for text: String, among names: some Sequence<String>) -> String? {
    // Longer texts than any name of the language cost time and mean nothing.
    guard text.unicodeScalars.count <= 64 else { return nil }
    var best: (name: String, distance: Int)?
    for name in names where name != text {
      let distance = editDistance(text.lowercased(), name.lowercased())
      let limit = max(1, min(text.count, name.count) / 3)
      guard distance <= limit, distance < best?.distance ?? .max else { continue }
      best = (name, distance)
    }
    return best?.name
  }

  /// Insertions, deletions, substitutions and swaps of neighbours that make one text the other
  /// (optimal string alignment; Damerau 1964). O(m · n).
  static func editDistance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left.unicodeScalars), Array(right.unicodeScalars))
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for row in 1...left.count {
      var current = [row] + [Int](repeating: 0, count: right.count)
      for column in 1...right.count {
        let isSame = left[row - 1] == right[column - 1]
        current[column] = min(
          last[column] + 1, current[column - 1] + 1, last[column - 1] + (isSame ? 0 : 1))
        if row > 1, column > 1, left[row - 1] == right[column - 2],
          left[row - 2] == right[column - 1]
        {
          current[column] = min(current[column], beforeLast[column - 2] + 1)
        }
      }
      (beforeLast, last) = (last, current)
    }
    return last[right.count]
  }
}
