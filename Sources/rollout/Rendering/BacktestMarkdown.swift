import Console
import Experimentation

/// A backtest's report as a comment on a pull request. Pure.
struct BacktestMarkdown {
  let report: BacktestReport

  var text: String {
    var parts = [
      "### Backtest of `\(report.rollout)`: \(report.end)",
      Self.plain(report.exposure) + ".",
      table(BacktestTables.steps(report)),
    ]
    if !report.gates.isEmpty { parts.append(table(GateTable(gates: report.gates).table)) }
    parts.append(list("Missing", report.missing))
    if !report.offPolicy.isEmpty {
      parts.append(
        "**Off-policy, by the propensities of the trace**\n\n"
          + table(BacktestTables.offPolicy(report)))
      parts.append(
        list(
          nil,
          report.offPolicy.compactMap { line in
            line.refusal.map { "\(line.metric.rawValue), \(line.question): \($0)" }
          }))
    }
    let decisions = report.decisions.map { decision in
      "\(StoryReport.time(decision.seconds / 3_600).drop { $0 == " " }) \(decision.text)"
    }
    parts.append(
      "<details><summary>Decisions</summary>\n\n" + list(nil, decisions) + "\n\n</details>")
    parts.append(list(nil, report.origin + report.notes))
    parts.append(
      "\(Numbers.count(report.traceRequests)) recorded requests from "
        + "\(Numbers.time(milliseconds: report.beganMilliseconds)), policy "
        + "`\(report.digest.prefix(8))`, seed \(report.seed)")
    return parts.filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
  }

  private func list(_ title: String?, _ lines: [String]) -> String {
    guard !lines.isEmpty else { return "" }
    let head = title.map { "**\($0)**\n\n" } ?? ""
    return head + lines.map { "- \(Self.plain($0))" }.joined(separator: "\n")
  }

  private func table(_ table: Table) -> String {
    let columns = table.columns
    func row(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
    let head = columns.map { Self.plain($0.title.lowercased()) }
    let rule = columns.map { $0.alignment == .right ? "---:" : "---" }
    let rows = table.rows.map { cells in row(cells.map { Self.plain($0.text) }) }
    return ([row(head), row(rule)] + rows).joined(separator: "\n")
  }

  /// What a stranger wrote is no markup.
  private static func plain(_ text: String) -> String {
    text.escaped.reduce(into: "") { plain, character in
      if "\\`*_[]<>|#~".contains(character) { plain.append("\\") }
      plain.append(character)
    }
  }
}
