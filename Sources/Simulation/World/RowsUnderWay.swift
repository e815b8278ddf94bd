/// Rows that are under way, handed on in the order in which they were added: one that takes long
/// holds back what came after it, as the service's recorder does.
struct RowsUnderWay<Row: Sendable>: Sendable {
  private var rows: [(row: Row, finishedAt: Double)] = []
  private var first = 0

  var isEmpty: Bool { first == rows.count }

  mutating func add(_ row: Row, finishedAt seconds: Double) {
    rows.append((row, seconds))
  }

  /// Those that have finished by `seconds` and before which nothing is under way.
  mutating func finished(at seconds: Double) -> [Row] {
    let start = first
    while first < rows.count, rows[first].finishedAt <= seconds { first += 1 }
    let ready = rows[start..<first].map(\.row)
    if first > 4_096 || first == rows.count {
      rows.removeFirst(first)
      first = 0
    }
    return ready
  }
}
