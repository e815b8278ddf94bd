import Foundation

/// What `rollout bench decisions` found, as `fixtures/benchmarks/decisions.json` keeps it.
struct DecisionReport: Encodable {
  let command: String
  let seed: UInt64
  let runs: Int
  /// The level of every rule, but 0.01 for sample ratios.
  let alpha = decisionAlpha
  /// By the rule's name.
  var ours: [String: Entry] = [:]
  var rivals: [String: Entry] = [:]
  /// What a rule that promotes when nothing has failed by a deadline promotes of real regressions.
  var nothingFailedByTheDeadline: [Deadline] = []
  /// What is beyond the bar; empty when all is as promised.
  var misses: [String] = []

  /// One rule in every situation it was shown.
  struct Entry: Encodable {
    /// How often a harmless candidate was taken back, by table and traffic.
    var falseRollback: [String: DecisionRate] = [:]
    /// How often a candidate at the margin was promoted, by table and traffic.
    var falsePromotion: [String: DecisionRate] = [:]
    /// How long it took to decide what is true.
    var delays: [Delay] = []
  }

  /// Observations until the decision in one situation.
  struct Delay: Encodable {
    let table: String
    let traffic: String
    let truth: String
    let purpose: String
    /// The share of runs that decided before the end.
    let decided: Double
    /// `nil` where fewer runs decided.
    let median: Double?
    let p80: Double?
    let p90: Double?
    /// The greatest ratio to the paper's figures; `nil` where it has none.
    var overPaper: Double?
  }

  /// The share of regressions that are promoted because no rollback rule fired in time.
  struct Deadline: Encodable {
    let rule: String
    let traffic: String
    let truth: String
    /// By the deadline in requests.
    let promoted: [String: Double]
  }

  mutating func add(_ experiment: DecisionExperiment, _ times: [[Int?]]) {
    for (index, method) in experiment.methods.enumerated() {
      let result = DecisionTimes(times: times.map { $0[index] })
      var entry = (method.isOurs ? ours : rivals)[method.name] ?? Entry()
      let place = "\(experiment.table) \(experiment.traffic)"
      if experiment.isFalse {
        if method.purpose == "rollback" {
          entry.falseRollback[place] = result.rate
        } else {
          entry.falsePromotion[place] = result.rate
        }
        if method.isOurs { check(method, place, result.rate, experiment.table) }
      } else {
        entry.delays.append(delay(experiment, method, result))
        addDeadline(experiment, method, result)
      }
      if method.isOurs { ours[method.name] = entry } else { rivals[method.name] = entry }
    }
  }

  private mutating func check(
    _ method: DecisionExperiment.MethodName, _ place: String, _ rate: DecisionRate, _ table: String
  ) {
    let promised = table == "T9" ? 0.01 : alpha
    // Two standard deviations of what the number of runs leaves at the promised level.
    let slack = 2 * (promised * (1 - promised) / Double(max(1, rate.runs))).squareRoot()
    guard rate.share > promised + slack else { return }
    misses.append("\(method.name), \(method.purpose), \(place): \(rate.share) above \(promised)")
  }

  private mutating func delay(
    _ experiment: DecisionExperiment, _ method: DecisionExperiment.MethodName,
    _ result: DecisionTimes
  ) -> Delay {
    var delay = Delay(
      table: experiment.table, traffic: experiment.traffic, truth: experiment.truth,
      purpose: method.purpose, decided: result.rate.share, median: result.quantile(0.5),
      p80: result.quantile(0.8), p90: result.quantile(0.9))
    guard method.isOurs,
      let figures = DecisionFigures.delays(
        method.name, method.purpose, experiment.traffic, experiment.truth)
    else { return delay }
    let ratios = zip([delay.median, delay.p80, delay.p90], figures).compactMap { found, figure in
      figure.map { (found ?? .infinity) / $0 }
    }
    delay.overPaper = ratios.max()
    if let worst = ratios.max(), worst > DecisionFigures.tolerance {
      misses.append(
        "\(method.name), \(method.purpose), \(experiment.traffic), \(experiment.truth): a delay is "
          + "\(String(format: "%.2f", worst)) times the paper's")
    }
    return delay
  }

  /// GrowthBook's rule promotes what its intervals have not condemned when the time is over.
  private mutating func addDeadline(
    _ experiment: DecisionExperiment, _ method: DecisionExperiment.MethodName,
    _ result: DecisionTimes
  ) {
    guard experiment.table == "T2", method.name.hasPrefix("asymptotic interval") else { return }
    var promoted: [String: Double] = [:]
    for deadline in [2_000, 5_000, 10_000, 20_000] {
      promoted["\(deadline)"] = result.undecided(by: deadline)
    }
    nothingFailedByTheDeadline.append(
      Deadline(
        rule: method.name, traffic: experiment.traffic, truth: experiment.truth,
        promoted: promoted))
  }
}

// MARK: - For people

extension DecisionReport {
  func text(_ style: Style) -> String {
    var lines = ["seed \(seed), \(runs) runs of each situation; all at one-sided 5 %", ""]
    lines += rates(style) + [""] + delays(style) + [""] + deadlines(style)
    if misses.isEmpty {
      lines += ["", style.paint("every figure is within the bar", .green)]
    } else {
      lines += ["", style.paint("beyond the bar:", .red)] + misses.map { "  \($0)" }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func rates(_ style: Style) -> [String] {
    var table = Table([
      ("rule", .left), ("situation", .left), ("false rollback", .right),
      ("false promotion", .right),
    ])
    for (entries, colour) in [(ours, Style.Colour?.some(.bold)), (rivals, nil)] {
      for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
        let places = Set(entry.falseRollback.keys).union(entry.falsePromotion.keys).sorted()
        for place in places {
          table.add([
            Table.Cell(name, colour), Table.Cell(place),
            Table.Cell(Self.percent(entry.falseRollback[place])),
            Table.Cell(Self.percent(entry.falsePromotion[place])),
          ])
        }
      }
    }
    return table.lines(style)
  }

  private func delays(_ style: Style) -> [String] {
    var table = Table([
      ("rule", .left), ("purpose", .left), ("traffic", .left), ("truth", .left),
      ("median", .right), ("p80", .right), ("p90", .right), ("of the paper's", .right),
    ])
    for (entries, colour) in [(ours, Style.Colour?.some(.bold)), (rivals, nil)] {
      for (name, entry) in entries.sorted(by: { $0.key < $1.key }) {
        for delay in entry.delays {
          table.add([
            Table.Cell(name, colour), Table.Cell(delay.purpose), Table.Cell(delay.traffic),
            Table.Cell(delay.truth), Table.Cell(Self.requests(delay.median)),
            Table.Cell(Self.requests(delay.p80)), Table.Cell(Self.requests(delay.p90)),
            Table.Cell(delay.overPaper.map { String(format: "%.2f", $0) } ?? ""),
          ])
        }
      }
    }
    return table.lines(style)
  }

  private func deadlines(_ style: Style) -> [String] {
    var table = Table([
      ("promotes what nothing condemned by", .left), ("traffic", .left), ("truth", .left),
      ("2,000", .right), ("5,000", .right), ("10,000", .right), ("20,000", .right),
    ])
    for row in nothingFailedByTheDeadline {
      let shares = ["2000", "5000", "10000", "20000"].map {
        Table.Cell(Numbers.share(row.promoted[$0]))
      }
      table.add([Table.Cell(row.rule), Table.Cell(row.traffic), Table.Cell(row.truth)] + shares)
    }
    return table.lines(style)
  }

  private static func percent(_ rate: DecisionRate?) -> String {
    guard let rate else { return "" }
    return String(format: "%.1f±%.1f %%", rate.share * 100, rate.error * 100)
  }

  private static func requests(_ value: Double?) -> String {
    value.map { Numbers.count(Int($0)) } ?? Numbers.unknown
  }
}
