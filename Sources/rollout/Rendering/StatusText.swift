import Console
import Experimentation

/// What `rollout status` shows. Pure: the same answer gives the same text.
struct StatusText {
  var style: Style

  /// The whole service: a line a route, a line a rollout.
  func text(of status: StatusResponse) -> String {
    // Mistakes in policies come as they were printed, in several lines.
    var lines = status.problems.map { problem in
      style.paint("! " + problem.escapedLines.replacing("\n", with: "\n  "), .red)
    }
    if !lines.isEmpty { lines.append("") }
    if status.routes.isEmpty {
      lines.append("No routes yet: rollout apply policies/")
    } else {
      lines += routes(status)
    }
    let waiting = status.rollouts.filter { $0.queued != nil }
    if !waiting.isEmpty { lines += ["", style.paint("Queued", .bold)] + queue(waiting) }
    let ended = status.rollouts.filter { !$0.status.isLive && $0.status != .pending }
    if !ended.isEmpty { lines += ["", style.paint("Ended", .bold)] + rollouts(ended) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// One rollout: where it stands, traffic, gates, models, and what is missing.
  func text(of rollout: RolloutResponse) -> String {
    var sections = [
      heading(rollout), steps(rollout), traffic(rollout), BanditTable(rollout).section(style),
    ]
    let dropped = rollout.dropped.map { candidate in
      "\(candidate.model), in step \(candidate.step + 1)"
        + (candidate.reason.map { ": \($0.escaped)" } ?? "")
    }
    sections.append(section("Dropped", dropped, isEmpty: dropped.isEmpty))
    let gates = GateTable(gates: rollout.gates)
    let note = gates.footnote(isBandit: !rollout.allocations.isEmpty)
    sections.append(
      section(
        "Gates", gates.lines(style) + (note.map { [style.paint($0, .faint)] } ?? []),
        isEmpty: rollout.gates.isEmpty))
    let corrections = rollout.gates.compactMap {
      correction(of: $0, isLive: rollout.status.isLive)
    }
    sections.append(section("Labels", corrections, isEmpty: corrections.isEmpty))
    let responses = rollout.gates.compactMap { response(to: $0, rollout) }
    sections.append(section("Feedback", responses, isEmpty: responses.isEmpty))
    sections.append(
      section(
        "Models by tokens of the prompt", comparison(rollout), isEmpty: rollout.comparison.isEmpty))
    sections.append(
      section(
        "Missing", rollout.missing.map { "- \($0.escaped)" }, isEmpty: rollout.missing.isEmpty))
    sections.append(
      section("Notes", rollout.notes.map { "- \($0.escaped)" }, isEmpty: rollout.notes.isEmpty))
    return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }
      .joined(separator: "\n\n") + "\n"
  }

  private func routes(_ status: StatusResponse) -> [String] {
    var table = Table([
      ("ROUTE", .left), ("INCUMBENT", .left), ("ROLLOUT", .left), ("STATUS", .left),
      ("STEP", .left), ("TRAFFIC", .left), ("NEXT", .left),
    ])
    for route in status.routes {
      let rollout = status.rollouts.first { $0.name == route.rollout }
      table.add([
        .init(route.name.text, .bold), .init(route.incumbent.text),
        .init(rollout?.name.text ?? Numbers.unknown),
        .init(rollout?.status.text ?? "", rollout?.status.colour),
        .init(rollout.map(position) ?? ""), .init(rollout.map(shares) ?? "\(route.incumbent) 100%"),
        .init(rollout?.missing.first ?? ""),
      ])
    }
    return table.lines(style)
  }

  private func rollouts(_ rollouts: [RolloutResponse]) -> [String] {
    var table = Table([
      ("ROLLOUT", .left), ("ROUTE", .left), ("STATUS", .left), ("REASON", .left),
    ])
    for rollout in rollouts {
      table.add([
        .init(rollout.name.text), .init(rollout.route.text),
        .init(rollout.status.text, rollout.status.colour), .init(rollout.reason ?? ""),
      ])
    }
    return table.lines(style)
  }

  private func queue(_ rollouts: [RolloutResponse]) -> [String] {
    var table = Table([
      ("ROLLOUT", .left), ("ROUTE", .left), ("REVISION", .left), ("CANDIDATES", .left),
      ("WAITS FOR", .left),
    ])
    for rollout in rollouts {
      guard let queued = rollout.queued else { continue }
      table.add([
        .init(rollout.name.text), .init(rollout.route.text), .init(String(queued.digest.prefix(8))),
        .init(queued.candidates.map(\.text).joined(separator: ", ")),
        .init(queued.missing.joined(separator: "; ")),
      ])
    }
    return table.lines(style)
  }

  private func heading(_ rollout: RolloutResponse) -> [String] {
    let name = style.paint(rollout.name.text, .bold)
    let status = style.paint(rollout.status.text, rollout.status.colour)
    var lines = [
      "\(name)  \(status)" + (rollout.status.isLive ? ", \(position(rollout))" : ""),
      "route \(rollout.route), incumbent \(rollout.incumbent), run \(rollout.run), "
        + "policy \(rollout.digest.prefix(8).description.escaped)",
    ]
    if rollout.status.isLive {
      lines.append(
        "\(elapsed(since: rollout.stepStartedAtMilliseconds, rollout)) in this step, "
          + "\(elapsed(since: rollout.startedAtMilliseconds, rollout)) in all")
    }
    if let layer = rollout.layer {
      lines.append("\(layer) take part; the others get the incumbent")
    }
    if let reason = rollout.reason { lines.append("reason: \(reason.escaped)") }
    if let closed = rollout.closed {
      let opens = closed.opens.map { "opens \($0)" } ?? "it never opens as it stands"
      lines.append(style.paint("closed: \(closed.reason.escaped); \(opens.escaped)", .yellow))
    }
    if let queued = rollout.queued, rollout.status != .pending {
      let candidates = queued.candidates.map(\.text).joined(separator: ", ")
      lines.append(
        "next: revision \(queued.digest.prefix(8).description.escaped), "
          + "\(queued.incumbent) → \(candidates), queued")
    }
    return lines
  }

  private func steps(_ rollout: RolloutResponse) -> [String] {
    guard rollout.status.isLive else { return [] }
    let lines = (rollout.steps + ["promotion"]).enumerated().map { index, step in
      let mark = index < rollout.step ? "✓" : index == rollout.step ? "▸" : " "
      let text = "\(mark) \(index + 1) \(step.escaped)"
      return style.paint(text, index < rollout.step ? .green : index == rollout.step ? .bold : nil)
    }
    return section("Steps", lines, isEmpty: false)
  }

  private func traffic(_ rollout: RolloutResponse) -> [String] {
    var table = Table([("MODEL", .left), ("SHARE", .right), ("", .left)])
    for part in rollout.serving {
      let bar = String(repeating: "█", count: Int((part.share.value * 20).rounded()))
      table.add([.init(part.model.text), .init(text(of: part.share, rollout)), .init(bar, .cyan)])
    }
    for part in rollout.shadows {
      table.add([.init(part.model.text), .init(part.share.description), .init("shadow", .faint)])
    }
    return section("Traffic", table.lines(style), isEmpty: rollout.serving.isEmpty)
  }

  /// What people make of the judge: `judged of flash: 40 labels, people +3.1pp [-2.0pp, +8.2pp]
  /// where the judge says +9.0pp; about 60 more are needed`.
  private func correction(of gate: GateReport, isLive: Bool) -> String? {
    guard let correction = gate.correction else { return nil }
    let unit = gate.changeUnit
    var line = "\(gate.gate) of \(gate.candidate): \(Numbers.count(correction.labels)) labels"
    if let lower = correction.lowerBound, let upper = correction.upperBound {
      line +=
        ", people \(Numbers.change(correction.estimate, in: unit)) "
        + "[\(Numbers.change(lower, in: unit)), \(Numbers.change(upper, in: unit))] "
        + "where the judge says \(Numbers.change(gate.estimate, in: unit))"
    }
    if isLive, let missing = correction.labelsMissing {
      line += "; about \(Numbers.count(missing)) more are needed: rollout label"
    }
    return line
  }

  /// Of how many users there is a word: `thumbs: 12.0% of smollm2-dense's users and 11.8% of … said
  /// something`.
  private func response(to gate: GateReport, _ rollout: RolloutResponse) -> String? {
    guard gate.incumbentResponse != nil || gate.candidateResponse != nil else { return nil }
    // Once the candidate is live its name says nothing of whom it was compared with.
    let before = rollout.incumbent == gate.candidate ? "the one before" : rollout.incumbent.text
    return "\(gate.gate): \(Numbers.share(gate.incumbentResponse)) of \(before)'s users "
      + "and \(Numbers.share(gate.candidateResponse)) of \(gate.candidate)'s said something"
  }

  private func comparison(_ rollout: RolloutResponse) -> [String] {
    var table = Table([
      ("TOKENS", .left), ("MODEL", .left), ("ANSWERS", .right), ("FAILED", .right),
      ("FIRST TOKEN p50", .right), ("p95", .right), ("PER TOKEN p50", .right), ("p95", .right),
      ("WHOLE p50", .right), ("p95", .right), ("SAME TOKEN", .right), ("SAME START", .right),
    ])
    for line in rollout.comparison {
      table.add([
        .init(line.promptTokens), .init(line.model.text), .init(Numbers.count(line.answers)),
        .init(Numbers.count(line.failures), line.failures > 0 ? .red : nil),
        .init(Numbers.seconds(line.timeToFirstTokenP50)),
        .init(Numbers.seconds(line.timeToFirstTokenP95)),
        .init(Numbers.seconds(line.timePerOutputTokenP50)),
        .init(Numbers.seconds(line.timePerOutputTokenP95)),
        .init(Numbers.seconds(line.totalP50)), .init(Numbers.seconds(line.totalP95)),
        .init(Numbers.share(line.tokenAgreement)), .init(Numbers.share(line.prefixAgreement)),
      ])
    }
    return table.lines(style)
  }

  private func section(_ title: String, _ lines: [String], isEmpty: Bool) -> [String] {
    isEmpty ? [] : [style.paint(title, .bold)] + lines.map { $0.isEmpty ? "" : "  \($0)" }
  }

  /// `step 2 of 4: canary 5%`
  private func position(_ rollout: RolloutResponse) -> String {
    guard rollout.steps.indices.contains(rollout.step) else { return "ready for promotion" }
    let step = rollout.steps[rollout.step].escaped
    return "step \(rollout.step + 1) of \(rollout.steps.count): \(step)"
  }

  /// As the policy wrote it, or to a tenth where a bandit has worked it out.
  private func text(of share: Share, _ rollout: RolloutResponse) -> String {
    rollout.allocations.isEmpty ? share.description : share.rounded
  }

  private func shares(_ rollout: RolloutResponse) -> String {
    let serving = rollout.serving.map { "\($0.model) \(text(of: $0.share, rollout))" }
    let shadows = rollout.shadows.map { "\($0.model) shadow \($0.share)" }
    return (serving + shadows).joined(separator: ", ")
  }

  private func elapsed(since start: Int64, _ rollout: RolloutResponse) -> String {
    Duration.milliseconds(rollout.nowMilliseconds - start).inWords
  }
}

extension RolloutStatus {
  var text: String {
    switch self {
    case .rolledBack: "rolled back"
    case .pending, .running, .paused, .inconclusive, .promoted, .aborted, .superseded: rawValue
    }
  }

  var colour: Style.Colour {
    switch self {
    case .running: .cyan
    case .promoted: .green
    case .paused, .inconclusive: .yellow
    case .rolledBack, .aborted: .red
    case .pending, .superseded: .faint
    }
  }
}
