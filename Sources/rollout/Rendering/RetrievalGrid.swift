import Evaluation
import Foundation

/// What was found by length and depth: the heat map of needle tests, in shades that need no colour.
struct RetrievalGrid {
  private let suite: RetrievalSuite
  private let rows: [EvaluationRow]

  /// - Parameter rows: those without depths are left out
  init(_ suite: RetrievalSuite, _ rows: [EvaluationRow]) {
    self.suite = suite
    self.rows = rows.filter { $0.retrieval(suite)?.byDepth != nil }
  }

  var isEmpty: Bool { rows.isEmpty }

  /// Variants one below the other, each with its lengths: what a variant forgets is seen as a
  /// patch.
  func lines(_ style: Style) -> [String] {
    guard let depths = rows.first?.retrieval(suite)?.byDepth?.map(\.depth) else { return [] }
    var table = Table(
      [("VARIANT", .left), ("LENGTH", .right)]
        + depths.map { (String(format: "%g%%", $0 * 100), .left) })
    var variants: [String] = []
    for row in rows where !variants.contains(row.variant) { variants.append(row.variant) }
    for variant in variants {
      for row in rows where row.variant == variant {
        table.add(
          [.init(row.variant), .init(Numbers.count(row.length))]
            + (row.retrieval(suite)?.byDepth ?? []).map(Self.cell))
      }
    }
    let title = "\(suite.rawValue)s found, by how much of the text stands before them"
    return [style.paint(title, .bold)] + table.lines(style)
      + [style.paint("█ all  ▓ three quarters  ▒ half  ░ a quarter  · none", .faint)]
  }

  /// `▓ 3/4`
  private static func cell(_ depth: RetrievalReport.Depth) -> Table.Cell {
    let share = depth.trials > 0 ? Double(depth.found) / Double(depth.trials) : 0
    let shades = ["·", "░", "▒", "▓", "█"]
    // A mark of its own for none, and for all.
    let place =
      depth.found == 0 ? 0 : depth.found == depth.trials ? 4 : min(3, max(1, Int(share * 4 + 0.5)))
    let colours: [Style.Colour] = [.red, .red, .yellow, .green, .green]
    return .init("\(shades[place]) \(depth.found)/\(depth.trials)", colours[place])
  }
}
