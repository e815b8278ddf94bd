import Console
import Experimentation

/// Gates with their verdicts: what was measured, what it is held against, what is missing.
struct GateTable {
  var gates: [GateReport]

  func lines(_ style: Style) -> [String] { table.lines(style) }

  /// A row a gate.
  var table: Table {
    var table = Table([
      ("GATE", .left), ("CANDIDATE", .left), ("ROLE", .left), ("VERDICT", .left),
      ("ESTIMATE", .right), ("INTERVAL", .left), ("WANTED", .left), ("SAMPLES", .right),
      ("MISSING", .right),
    ])
    for gate in gates {
      table.add([
        .init(name(gate), .bold), .init(gate.candidate.text), .init(gate.role.rawValue),
        .init(gate.verdict.text, gate.verdict.colour),
        .init(Numbers.change(gate.estimate, isRelative: gate.comparesRatios)),
        .init(interval(gate)),
        .init(wanted(gate)), .init(Numbers.count(gate.samples)), .init(missing(gate)),
      ])
    }
    return table
  }

  /// With its quantile, if one is compared: `ttft p95`.
  private func name(_ gate: GateReport) -> String {
    guard let quantile = gate.quantile else { return gate.gate }
    // To a tenth of a percent, as policies write them: p99.9, and p95 rather than p95.0.
    let tenths = Int((quantile * 1_000).rounded())
    return "\(gate.gate) p\(tenths / 10)" + (tenths % 10 == 0 ? "" : ".\(tenths % 10)")
  }

  private func interval(_ gate: GateReport) -> String {
    if gate.lowerBound == nil && gate.upperBound == nil { return Numbers.unknown }
    let low = gate.lowerBound.map { Numbers.change($0, isRelative: gate.comparesRatios) } ?? "-∞"
    let high = gate.upperBound.map { Numbers.change($0, isRelative: gate.comparesRatios) } ?? "+∞"
    return "[\(low), \(high)]"
  }

  /// The whole interval has to lie on the good side of this.
  private func wanted(_ gate: GateReport) -> String {
    let sign =
      switch gate.metric.direction {
      case .lower: "≤"
      case .higher: "≥"
      }
    return "\(sign) \(Numbers.change(gate.threshold, isRelative: gate.comparesRatios))"
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
