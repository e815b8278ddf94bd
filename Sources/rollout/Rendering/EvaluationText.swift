import Evaluation
import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Reports of evaluations as people read them: one table for each length.
struct EvaluationText {
  var style: Style

  func text(of reports: [PerplexityReport]) -> String {
    tables(reports, by: \.context) { context, reports in
      var table = Table([
        ("variant", .left), ("keys seen", .right), ("perplexity", .right),
        ("ln(ppl/reference)", .right), ("mean KL", .right), ("p99 KL", .right),
        ("same top", .right),
      ])
      for report in reports {
        table.add(
          [
            report.variant, report.keysSeen.map { Self.percent($0, 0) } ?? Numbers.unknown,
            Self.fixed(report.perplexity, 3),
          ].map { Table.Cell($0) } + Self.cells(report.difference))
      }
      let first = reports[0]
      let title =
        "\(Numbers.count(context)) tokens: \(Numbers.count(first.scoredTokens)) scored in "
        + "\(first.windows) windows, \(first.blocks) blocks; intervals of 95 % over blocks"
      return (title, table)
    }
  }

  func text(of reports: [PasskeyReport]) -> String {
    tables(reports, by: \.length) { length, reports in
      var table = Table([
        ("variant", .left), ("keys seen", .right), ("found", .right), ("interval", .right),
      ])
      for report in reports {
        table.add(
          [
            report.variant, report.keysSeen.map { Self.percent($0, 0) } ?? Numbers.unknown,
            "\(report.found) of \(report.trials)",
            "\(Self.percent(report.lower, 0))…\(Self.percent(report.upper, 0))",
          ].map { Table.Cell($0) })
      }
      return ("\(Numbers.count(length)) tokens; Wilson's intervals of 95 %", table)
    }
  }

  private func tables<Report>(
    _ reports: [Report], by length: (Report) -> Int, _ table: (Int, [Report]) -> (String, Table)
  ) -> String {
    var lengths: [Int] = []
    for report in reports where !lengths.contains(length(report)) { lengths.append(length(report)) }
    return lengths.map { wanted in
      let (title, table) = table(wanted, reports.filter { length($0) == wanted })
      return "\(style.paint(title, .bold))\n" + table.lines(style).joined(separator: "\n") + "\n"
    }.joined(separator: "\n")
  }

  private static func cells(_ difference: PerplexityReport.Difference?) -> [Table.Cell] {
    guard let difference else { return [] }
    return [
      estimate(difference.logRatio) { ($0 > 0 ? "+" : "") + small($0) },
      estimate(difference.meanDivergence, small),
      difference.divergence99.map(small) ?? Numbers.unknown,
      estimate(difference.sameTop) { percent($0, 1) },
    ].map { Table.Cell($0) }
  }

  /// `0.054 (0.049…0.059)`.
  private static func estimate(
    _ estimate: PerplexityReport.Estimate, _ write: (Double) -> String
  ) -> String {
    guard let lower = estimate.lower, let upper = estimate.upper else {
      return write(estimate.estimate)
    }
    return "\(write(estimate.estimate)) (\(write(lower))…\(write(upper)))"
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

/// How far an evaluation has come, on standard error: redrawn in place on a terminal, else a line
/// when what is counted changes and now and then between.
final class EvaluationNotes {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var isOpen = false

  func note(_ progress: EvaluationProgress) {
    let line =
      "\(Numbers.count(progress.length)) tokens: \(progress.done) of \(progress.total) "
      + progress.what.escaped
    if isTerminal {
      Output.writeError("\r\(line)\u{1B}[K")
      isOpen = true
    } else if progress.done.isMultiple(of: max(1, progress.total / 4)) {
      Output.writeError(line + "\n")
    }
  }

  /// Clears the line on a terminal.
  func finish() {
    if isOpen { Output.writeError("\r\u{1B}[K") }
    isOpen = false
  }
}
