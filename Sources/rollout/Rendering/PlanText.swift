import Console
import Experimentation
import PolicyLanguage
import Promotion
import Routing

/// What `rollout plan` shows in a terminal.
struct PlanText {
  var style: Style

  func text(of plan: PlanReport) -> String {
    var sections: [[String]] = []
    let warnings = ProblemText(style: style).text(of: plan.warnings)
    if !warnings.isEmpty { sections.append([warnings.trimmed]) }
    sections.append([style.paint("Against \(plan.base.escaped)", .faint)])
    if plan.isEmpty { sections.append(["Nothing would change."]) }
    sections += plan.rollouts.filter { !($0.effect == .unchanged && $0.isQuiet) }.map(section)
    let models = plan.models.filter { $0.effect != .unchanged }
    if !models.isEmpty { sections.append(models.flatMap(lines)) }
    if let refusal = plan.refusal { sections.append(lines(of: refusal)) }
    return sections.map { $0.joined(separator: "\n") }.joined(separator: "\n\n") + "\n"
  }

  private func section(_ rollout: PlanReport.Rollout) -> [String] {
    var lines = [
      style.paint("rollout \(rollout.name)", .bold) + " on route \(rollout.route): "
        + style.paint(rollout.effect.rawValue, rollout.effect.colour)
    ]
    lines += rollout.changes.map(line)
    lines += rollout.notes.map { "  \($0.escaped)" }
    if let drift = rollout.drift { lines += self.lines(of: drift) }
    guard !rollout.steps.isEmpty else { return lines }
    lines += [""] + PlanTables(rollout).traffic.lines(style)
    if let gates = PlanTables(rollout).gates { lines += [""] + gates.lines(style) }
    lines += rollout.warnings.map { style.paint("! ", .yellow) + $0.escaped }
    lines += [style.paint(rollout.assumptions, .faint)]
    return lines
  }

  private func line(_ change: PolicyChange) -> String {
    let word =
      switch change.effect {
      case .loosened: style.paint("loosened ", .red)
      case .tightened: style.paint("tightened", .green)
      case .changed: style.paint("changed  ", .cyan)
      }
    return "  \(word)  \(change.description.escaped)"
  }

  private func lines(_ model: PlanReport.Model) -> [String] {
    [
      style.paint("model \(model.name)", .bold) + ": "
        + style.paint(model.effect.rawValue, model.effect.colour)
    ] + model.changes.map(line)
  }

  private func lines(of drift: PlanReport.Drift) -> [String] {
    let title =
      style.paint("! ", .yellow) + "written against '\(drift.inFile)', but '\(drift.live)' is live"
    let hint = drift.hint.map { ["  \($0)"] } ?? []
    let patch = drift.patch?.split(separator: "\n").map { line in
      let colour: Style.Colour? =
        line.hasPrefix("+") ? .green : line.hasPrefix("-") ? .red : nil
      return "  " + style.paint(String(line).escaped, colour)
    }
    return [title] + hint + (patch ?? [])
  }

  private func lines(of refusal: PlanReport.Refusal) -> [String] {
    [style.paint("The service would refuse this: ", .red) + refusal.message.escaped]
      + (refusal.remedy.map { ["  \($0.escapedLines)"] } ?? [])
  }
}

/// The tables of a plan, for a terminal and for a pull request alike.
struct PlanTables {
  private let rollout: PlanReport.Rollout

  init(_ rollout: PlanReport.Rollout) { self.rollout = rollout }

  /// Who answers how much in each step.
  var traffic: Table {
    var table = Table([
      ("STEP", .left), ("ANSWERED BY", .left), ("ASKED ASIDE", .left), ("UNITS MOVED", .left),
    ])
    for step in rollout.steps {
      let moved =
        Numbers.share(step.movedShare) + (step.movedUnits.map { " (\(Numbers.count($0)))" } ?? "")
      table.add([
        .init("\(step.step + 1)"), .init(words(step.serving)), .init(words(step.shadows)),
        .init(moved),
      ])
    }
    return table
  }

  private func words(_ models: [WeightedModel]) -> String {
    models.map { "\($0.model) \($0.share)" }.joined(separator: ", ")
  }

  /// What each gate needs in each step; `nil` where no step has one.
  var gates: Table? {
    let rows = rollout.steps.flatMap { step in step.gates.map { (step.step, $0) } }
    guard !rows.isEmpty else { return nil }
    var table = Table([
      ("STEP", .left), ("GATE", .left), ("CANDIDATE", .left), ("HALF PASS AFTER", .right),
      ("4 OF 5 AFTER", .right), ("PASS IN TIME", .right), ("SEES", .right),
    ])
    for (step, gate) in rows {
      table.add([
        .init("\(step + 1)"), .init(gate.gate), .init(gate.candidate.text),
        .init(words(gate.samplesForHalf, gate.hoursForHalf)),
        .init(words(gate.samplesForMost, gate.hoursForMost)),
        .init(
          gate.decided.map { Numbers.share($0) } ?? Numbers.unknown,
          gate.warning == nil ? nil : .yellow),
        .init(Numbers.change(gate.smallestEffect, in: gate.changeUnit)),
      ])
    }
    return table
  }

  /// `3,200 (53m)`: requests, and how long they take.
  private func words(_ samples: Double?, _ hours: Double?) -> String {
    guard let samples, samples < 1e12 else { return "never" }
    let time = hours.flatMap { $0 < 1e6 ? Duration.seconds($0 * 3_600).inWords : nil }
    return Numbers.count(Int(samples.rounded(.up))) + (time.map { " (\($0))" } ?? "")
  }
}

extension PlanReport.Rollout {
  /// What gates are expected to fail to do, each in a sentence; what is true of several candidates
  /// is said once, of all of them.
  var warnings: [String] {
    steps.flatMap { step -> [String] in
      var said: [(gate: String, warning: String, candidates: [String])] = []
      for gate in step.gates {
        guard let warning = gate.warning else { continue }
        let name = gate.candidate.text
        if let place = said.firstIndex(where: { ($0.gate, $0.warning) == (gate.gate, warning) }) {
          said[place].candidates.append(name)
        } else {
          said.append((gate.gate, warning, [name]))
        }
      }
      let all = Set(step.gates.map(\.candidate)).count
      return said.map { gate, warning, candidates in
        let whose = all > 1 ? " of \(candidates.joined(separator: ", "))" : ""
        return "step \(step.step + 1), gate '\(gate)'\(whose): \(warning)"
      }
    }
  }

  fileprivate var isQuiet: Bool { drift == nil && notes.isEmpty }
}

extension PlanReport.Effect {
  fileprivate var colour: Style.Colour? {
    switch self {
    case .added: .green
    case .changed: .yellow
    case .removed: .red
    case .unchanged: .faint
    }
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self[...]
    while text.last == "\n" { text.removeLast() }
    return String(text)
  }
}
