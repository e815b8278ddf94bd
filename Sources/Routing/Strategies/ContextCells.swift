package import Experimentation

/// Contextual bandits: a table of shares for each cell of a grid, frozen like any other.
extension RouteTable {
  /// The cell by which a request is dealt; `nil` where all are dealt alike.
  ///
  /// - Parameter cell: which one it is in; `nil` is the one of those of which nothing is known
  package func cell(_ cell: Int?) -> Int? {
    guard let context, !cells.isEmpty else { return nil }
    return min(max(cell ?? context.unknownCell, 0), cells.count - 1)
  }

  /// What is dealt: in a cell, the unit's requests of that cell.
  ///
  /// A user who asks short and long questions is two units. So each is dealt a place of its own,
  /// and stays on its model by itself: one place for both would have who met a model under the
  /// shares of one cell be another choice of users in the next.
  package func dealt(_ unit: AssignmentUnit, in cell: Int?) -> AssignmentUnit {
    self.cell(cell).map { AssignmentUnit(id: "\(unit.id)\u{1F}\($0)") } ?? unit
  }
}
