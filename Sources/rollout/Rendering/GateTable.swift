import Console
import Experimentation

/// Gates with their verdicts: what was measured, what it is held against, what is missing.
struct GateTable {
  var gates: [GateReport]

  func lines(_ style: Style) -> [String] { table.lines(style) }

  /// A row a gate; what the incumbent shows against itself beside it, where it is asked.
  var table: Table {
    let hasNoise = gates.contains { $0.noise != nil }
    var table = Table(
      [
        ("GATE", .left), ("CANDIDATE", .left), ("ROLE", .left), ("VERDICT", .left),
        ("ESTIMATE", .right), ("INTERVAL", .left), ("WANTED", .left), ("SAMPLES", .right),
        ("MISSING", .right),
      ] + (hasNoise ? [("NOISE FLOOR", .left)] : []))
    for gate in gates {
      table.add([
        .init(name(gate), .bold), .init(gate.candidate.text), .init(gate.role.rawValue),
        .init(gate.verdict.text, gate.verdict.colour),
        .init(Numbers.change(gate.estimate, in: gate.changeUnit)),
        .init(interval(gate.lowerBound, gate.upperBound, gate)),
        .init(wanted(gate)), .init(Numbers.count(gate.samples)), .init(missing(gate)),
        .init(noise(gate), gate.isBelowNoise ? .yellow : nil),
      ])
    }
    return table
  }

  /// Why an interval may say more than the verdict beside it; `nil` where that cannot be seen.
  ///
  /// A verdict is of a test of one claim, which has no interval: that would take a test for each
  /// margin that there could be. Intervals are of the means, for people.
  ///
  /// - Parameter isBandit: whether shares move with the evidence
  func footnote(isBandit: Bool) -> String? {
    let isAhead = gates.contains { $0.verdict == .inconclusive && $0.isIntervalBeyond }
    guard isAhead || (isBandit && !gates.isEmpty) else { return nil }
    let verdict =
      isBandit
      ? "VERDICT weighs each answer by the shares in force when it was assigned"
      : "VERDICT is of an exact test, which holds however often one looks"
    return "INTERVAL is of the plain means, for orientation; \(verdict), and may come later."
  }

  /// With its quantile, if one is compared: `ttft p95`.
  private func name(_ gate: GateReport) -> String {
    guard let quantile = gate.quantile else { return gate.gate }
    // To a tenth of a percent, as policies write them: p99.9, and p95 rather than p95.0.
    let tenths = Int((quantile * 1_000).rounded())
    return "\(gate.gate) p\(tenths / 10)" + (tenths % 10 == 0 ? "" : ".\(tenths % 10)")
  }

  private func interval(_ lower: Double?, _ upper: Double?, _ gate: GateReport) -> String {
    if lower == nil && upper == nil { return Numbers.unknown }
    let low = lower.map { Numbers.change($0, in: gate.changeUnit) } ?? "-∞"
    let high = upper.map { Numbers.change($0, in: gate.changeUnit) } ?? "+∞"
    return "[\(low), \(high)]"
  }

  /// The incumbent against itself: `-18pp [-22pp, -14pp], wider than the margin`.
  private func noise(_ gate: GateReport) -> String {
    guard let noise = gate.noise else { return "" }
    return Numbers.change(noise.estimate, in: gate.changeUnit) + " "
      + interval(noise.lowerBound, noise.upperBound, gate)
      + (gate.isBelowNoise ? ", wider than the margin" : "")
  }

  /// The whole interval has to lie on the good side of this.
  private func wanted(_ gate: GateReport) -> String {
    let sign =
      switch gate.metric.direction {
      case .lower: "≤"
      case .higher: "≥"
      }
    return "\(sign) \(Numbers.change(gate.threshold, in: gate.changeUnit))"
  }

  /// How long what is missing takes: ` (2h 5m)`.
  private func expected(_ gate: GateReport) -> String? {
    guard let hours = gate.expectedHours, hours.isFinite, hours < 1e6 else { return nil }
    return " (\(Duration.seconds(hours * 3_600).inWords))"
  }

  private func missing(_ gate: GateReport) -> String {
    switch gate.verdict {
    case .pass, .fail: ""
    case .inconclusive, .noData, .error:
      (gate.samplesMissing.map(Numbers.count) ?? "?") + (expected(gate) ?? "")
    }
  }
}

extension GateReport {
  /// Whether the whole interval lies on one side of what is wanted.
  fileprivate var isIntervalBeyond: Bool {
    (lowerBound.map { $0 > threshold } ?? false) || (upperBound.map { $0 < threshold } ?? false)
  }
}

extension Verdict {
  fileprivate var text: String {
    switch self {
    case .noData: "no data"
    case .pass, .fail, .inconclusive, .error: rawValue
    }
  }

  fileprivate var colour: Style.Colour {
    switch self {
    case .pass: .green
    case .fail, .error: .red
    case .inconclusive, .noData: .yellow
    }
  }
}
