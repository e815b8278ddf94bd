/// Rows of text under a head, each column as wide as its widest cell.
struct Table {
  enum Alignment { case left, right }

  struct Cell: ExpressibleByStringInterpolation {
    var text: String
    var colour: Style.Colour?

    init(stringLiteral text: String) { self.init(text) }

    init(_ text: String, _ colour: Style.Colour? = nil) {
      self.text = text.escaped
      self.colour = colour
    }
  }

  let columns: [(title: String, alignment: Alignment)]
  private(set) var rows: [[Cell]] = []

  init(_ columns: [(title: String, alignment: Alignment)]) { self.columns = columns }

  /// Adds a row; cells beyond the columns are not shown.
  mutating func add(_ cells: [Cell]) { rows.append(cells) }

  /// Titles, alignments and rows, for those who draw them another way.
  var contents: (titles: [String], alignments: [Alignment], rows: [[Cell]]) {
    (columns.map(\.title), columns.map(\.alignment), rows)
  }

  /// The lines, without spaces at their ends.
  func lines(_ style: Style) -> [String] {
    let head = columns.map { Cell($0.title, .faint) }
    let widths = columns.indices.map { column in
      ([head] + rows).map { $0.indices.contains(column) ? $0[column].text.count : 0 }.max() ?? 0
    }
    return ([head] + rows).map { row in
      var line = ""
      var pending = 0
      for (column, cell) in row.prefix(columns.count).enumerated() {
        let padding = widths[column] - cell.text.count
        pending += columns[column].alignment == .right ? padding : 0
        if !cell.text.isEmpty {
          line += String(repeating: " ", count: pending) + style.paint(cell.text, cell.colour)
          pending = 0
        }
        pending += (columns[column].alignment == .left ? padding : 0) + 2
      }
      return line
    }
  }
}
