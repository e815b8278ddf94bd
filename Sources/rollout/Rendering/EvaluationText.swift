import Evaluation
import Experimentation
import Foundation

/// An evaluation as people read it: one table, then what gates make of it, then what was found by
/// depth.
struct EvaluationText {
  var style: Style

  func text(of report: EvaluationReport) -> String {
    let rows = report.rows
    var parts = [table(rows).lines(style) + notes(rows)]
    if let verdict = report.verdict { parts.append(judgements(report, verdict)) }
    if !report.untold.isEmpty {
      parts.append(["These numbers say nothing of: \(report.untold.joined(separator: ", "))"])
    }
    for suite in RetrievalSuite.allCases {
      let grid = RetrievalGrid(suite, rows)
      if !grid.isEmpty { parts.append(grid.lines(style)) }
    }
    return parts.map { $0.joined(separator: "\n") + "\n" }.joined(separator: "\n")
  }

  private func table(_ rows: [EvaluationRow]) -> Table {
    let hasPerplexity = rows.contains { $0.perplexity != nil }
    let suites = RetrievalSuite.allCases.filter { suite in
      rows.contains { $0.retrieval(suite) != nil }
    }
    let isJudged = rows.contains { $0.verdict != nil }
    var table = Table(
      [("LENGTH", .right), ("VARIANT", .left), ("KEYS SEEN", .right)]
        + (hasPerplexity
          ? [
            ("PERPLEXITY", .right), ("LN(PPL/REF)", .right), ("MEAN KL", .right),
            ("P99 KL", .right), ("SAME TOP", .right),
          ] : [])
        + suites.map { ($0.rawValue.uppercased(), .left) } + (isJudged ? [("VERDICT", .left)] : []))
    for row in rows {
      var cells: [Table.Cell] = [
        .init(Numbers.count(row.length)), .init(row.variant, row.isReference ? .bold : nil),
        .init(row.keysSeen.map { Self.percent($0, 0) } ?? Numbers.unknown),
      ]
      if hasPerplexity { cells += Self.cells(row.perplexity) }
      cells += suites.map { .init(Self.found(row.retrieval($0))) }
      if isJudged { cells.append(Self.verdict(row)) }
      table.add(cells)
    }
    return table
  }

  private static func cells(_ report: PerplexityReport?) -> [Table.Cell] {
    guard let report else { return [] }
    let own = [fixed(report.perplexity, 3)]
    guard let difference = report.difference else {
      return (own + ["reference", "", "", ""]).map { Table.Cell($0) }
    }
    return
      (own + [
        estimate(difference.logRatio) { ($0 > 0 ? "+" : "") + small($0) },
        estimate(difference.meanDivergence, small),
        difference.divergence99.map(small) ?? Numbers.unknown,
        estimate(difference.sameTop, unit: "%") { fixed($0 * 100, 1) },
      ]).map { Table.Cell($0) }
  }

  /// `19 of 20 (76…99%)`
  private static func found(_ report: RetrievalReport?) -> String {
    guard let report else { return Numbers.unknown }
    return "\(report.found) of \(report.trials) "
      + "(\(fixed(report.lower * 100, 0))…\(percent(report.upper, 0)))"
  }

  private static func verdict(_ row: EvaluationRow) -> Table.Cell {
    guard !row.isReference, let verdict = row.verdict else { return .init("") }
    return .init(verdict.text, verdict.colour)
  }

  /// What the numbers are of.
  private func notes(_ rows: [EvaluationRow]) -> [String] {
    var notes: [String] = []
    let reports = rows.filter(\.isReference).compactMap(\.perplexity)
    if !reports.isEmpty {
      let counts = reports.map {
        "\(Numbers.count($0.scoredTokens)) at \(Numbers.count($0.context))"
      }
      notes.append(
        "Tokens scored: \(counts.joined(separator: ", ")); ± of 95 % over blocks of 256.")
    }
    let references = rows.filter(\.isReference)
    if rows.contains(where: { $0.passkey != nil || $0.needle != nil }) {
      notes.append("Found with Wilson's intervals of 95 %.")
    }
    for suite in RetrievalSuite.allCases {
      for row in references {
        guard let report = row.retrieval(suite), !report.findsEnough else { continue }
        notes.append(
          "\(row.variant) itself finds \(report.found) of \(report.trials) "
            + "\(suite.rawValue)s at \(Numbers.count(row.length)) tokens: what a variant loses "
            + "hardly shows there.")
      }
    }
    return notes.map { style.paint($0.escaped, .faint) }
  }

  /// What gates say that is not `passes`, and how many say that.
  private func judgements(_ report: EvaluationReport, _ verdict: QualityVerdict) -> [String] {
    var table = Table([
      ("LENGTH", .right), ("VARIANT", .left), ("GATE", .left), ("VERDICT", .left),
      ("LOSS", .right), ("INTERVAL", .left), ("ALLOWED", .right), ("", .left),
    ])
    var passed = 0
    for row in report.rows {
      for judgement in row.judgements ?? [] {
        guard judgement.verdict != .passes else {
          passed += 1
          continue
        }
        table.add(
          [.init(Numbers.count(row.length)), .init(row.variant)]
            + Self.cells(
              judgement, of: report.rows.first { $0.isReference && $0.length == row.length }))
      }
    }
    let total = passed + table.rows.count
    let head =
      style.paint(verdict.text, verdict.colour) + ": \(passed) of \(total) judgements pass"
    return table.rows.isEmpty ? [head] : [head] + table.lines(style)
  }

  private static func cells(
    _ judgement: QualityJudgement, of reference: EvaluationRow?
  ) -> [Table.Cell] {
    let loss = judgement.loss
    let measure = judgement.measure
    let interval = [loss.lower, loss.upper].map { $0.map(measure.written) ?? Numbers.unknown }
    return [
      .init(judgement.gate), .init(judgement.verdict.text, judgement.verdict.colour),
      .init(measure.written(loss.estimate)), .init("[\(interval.joined(separator: ", "))]"),
      .init("≤ " + measure.written(judgement.limit)), .init(note(judgement, of: reference)),
    ]
  }

  /// What would tell more.
  private static func note(
    _ judgement: QualityJudgement, of reference: EvaluationRow?
  ) -> String {
    guard judgement.verdict == .notEnoughToTell else { return "" }
    let suite = RetrievalSuite(rawValue: judgement.measure.rawValue)
    guard let report = suite.flatMap({ reference?.retrieval($0) }) else {
      return "more --tokens would tell"
    }
    if !report.findsEnough { return "the reference finds too few" }
    if judgement.loss.estimate <= judgement.limit, let least = judgement.leastTrials,
      report.trials < least
    {
      return "at least \(Numbers.count(least)) --trials would be needed"
    }
    return "more --trials would tell"
  }

  /// `0.054 ±0.005`.
  private static func estimate(
    _ estimate: PerplexityReport.Estimate, unit: String = "", _ write: (Double) -> String
  ) -> String {
    let own = write(estimate.estimate) + unit
    guard let lower = estimate.lower, let upper = estimate.upper else { return own }
    // One end may be cut off where a share or a divergence ends; the other is whole.
    return own + " ±"
      + write(max(upper - estimate.estimate, estimate.estimate - lower))
      .replacingOccurrences(of: "+", with: "")
  }

  /// Three places, or more where all three would be 0.
  private static func small(_ value: Double) -> String {
    value != 0 && abs(value) < 0.001 ? String(format: "%.1e", value) : fixed(value, 3)
  }

  private static func percent(_ share: Double, _ digits: Int) -> String {
    fixed(share * 100, digits) + "%"
  }

  private static func fixed(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}

extension QualityVerdict {
  var text: String {
    switch self {
    case .passes: "passes"
    case .notEnoughToTell: "not enough to tell"
    case .worse: "worse"
    }
  }

  var colour: Style.Colour {
    switch self {
    case .passes: .green
    case .notEnoughToTell: .yellow
    case .worse: .red
    }
  }
}

extension QualityGate.Measure {
  /// A loss as people read it: perplexity in percent, divergence in nats, shares in points.
  fileprivate func written(_ loss: Double) -> String {
    switch self {
    case .perplexity: Numbers.change(expm1(loss), in: .percent)
    case .divergence: Numbers.change(loss, in: .nats)
    case .disagreement, .passkey, .needle: Numbers.change(loss, in: .points)
    }
  }
}
