import Console
import Experimentation

/// What `rollout backtest` shows. Pure: the same report gives the same text.
struct BacktestText {
  var style: Style
  /// Whether each decision is followed by what it was based on.
  var isVerbose = false

  func text(of report: BacktestReport) -> String {
    let sections = [
      heading(report), decisions(report),
      section("Steps", BacktestTables.steps(report).lines(style), isEmpty: report.steps.isEmpty),
      section(
        "Gates", GateTable(gates: report.gates).lines(style), isEmpty: report.gates.isEmpty),
      section(
        "Missing", report.missing.map { "- \($0.escaped)" }, isEmpty: report.missing.isEmpty),
      offPolicy(report),
      section("Notes", report.notes.map { "- \($0.escaped)" }, isEmpty: report.notes.isEmpty),
    ]
    return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
      .joined(separator: "\n\n") + "\n"
  }

  private func heading(_ report: BacktestReport) -> [String] {
    let name = style.paint(report.rollout.text, .bold)
    let status = style.paint(report.end, report.status?.colour)
    return [
      "\(name)  \(status)",
      "\(Numbers.count(report.traceRequests)) recorded requests from "
        + "\(Numbers.time(milliseconds: report.beganMilliseconds)), policy "
        + "\(report.digest.prefix(8)), seed \(report.seed)",
      report.exposure,
    ] + report.origin
  }

  private func decisions(_ report: BacktestReport) -> [String] {
    var lines: [String] = []
    for decision in report.decisions {
      let time = style.paint(StoryReport.time(decision.seconds / 3_600), .faint)
      lines.append("\(time)  \(decision.text.escaped)")
      if isVerbose { lines += decision.reasons.map { "           \($0.escaped)" } }
    }
    return section("Decisions", lines, isEmpty: lines.isEmpty)
  }

  private func offPolicy(_ report: BacktestReport) -> [String] {
    guard !report.offPolicy.isEmpty else { return [] }
    let refusals = report.offPolicy.filter { $0.refusal != nil }.map { line in
      "- \(line.metric.rawValue), \(line.question): \(line.refusal ?? "")".escaped
    }
    return section(
      "Off-policy, by the propensities of the trace",
      BacktestTables.offPolicy(report).lines(style) + refusals, isEmpty: false)
  }

  private func section(_ title: String, _ lines: [String], isEmpty: Bool) -> [String] {
    isEmpty ? [] : [style.paint(title, .bold)] + lines.map { $0.isEmpty ? "" : "  \($0)" }
  }
}

/// The tables of a backtest's report, which text and Markdown share.
enum BacktestTables {
  static func steps(_ report: BacktestReport) -> Table {
    var table = Table([
      ("STEP", .right), ("TRAFFIC", .left), ("BEGAN", .right), ("LASTED", .right),
      ("REQUESTS", .right), ("BY CANDIDATE", .right), ("\(report.unit.uppercased())S MET", .right),
      ("SHADOWS", .right), ("DROPPED", .right),
    ])
    for step in report.steps {
      table.add([
        .init("\(step.step)"), .init(step.traffic),
        .init(Duration.seconds(step.beganSeconds).inWords),
        .init(Duration.seconds(step.lastedSeconds).inWords),
        .init(Numbers.count(step.requests)), .init(Numbers.count(step.candidateRequests)),
        .init(Numbers.count(step.candidateUnits)), .init(Numbers.count(step.shadows)),
        .init(Numbers.count(step.droppedShadows), step.droppedShadows > 0 ? .yellow : nil),
      ])
    }
    return table
  }

  static func offPolicy(_ report: BacktestReport) -> Table {
    var table = Table([
      ("METRIC", .left), ("POLICY", .left), ("SELF-NORMALISED", .right), ("DOUBLY ROBUST", .right),
      ("IPS", .right), ("\(Numbers.share(report.confidence)) AT EVERY LOOK", .left),
      ("EFFECTIVE", .right), ("DECISIONS", .right),
    ])
    for line in report.offPolicy {
      func value(_ value: Double?) -> Table.Cell { .init(Numbers.value(value, of: line.metric)) }
      let low = Numbers.value(line.lower, of: line.metric)
      let high = Numbers.value(line.upper, of: line.metric)
      table.add([
        .init(line.metric.rawValue, .bold), .init(line.question), value(line.selfNormalised),
        value(line.doublyRobust), value(line.importance),
        line.refusal == nil ? .init("[\(low), \(high)]") : .init("refused", .yellow),
        .init(line.effectiveSampleSize.map { Numbers.count(Int($0)) } ?? Numbers.unknown),
        .init(line.decisions.map(Numbers.count) ?? Numbers.unknown),
      ])
    }
    return table
  }
}
