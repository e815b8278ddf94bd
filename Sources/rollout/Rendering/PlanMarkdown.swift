import Experimentation
import PolicyLanguage
import Promotion

/// What `rollout plan --format markdown` writes: made to be posted on a pull request.
struct PlanMarkdown {
  /// By which a workflow finds its own comment again, to replace it.
  static let mark = "<!-- rollout plan -->"

  func text(of plan: PlanReport) -> String {
    var blocks = [Self.mark, "## Rollout plan", "Against \(code(plan.base))."]
    let loosened = plan.loosened
    if !loosened.isEmpty {
      let list = loosened.map { "> - \(escape($0.description))" }.joined(separator: "\n")
      blocks.append("> [!WARNING]\n> Asks for less than before:\n\(list)")
    }
    if let refusal = plan.refusal {
      blocks.append(
        "> [!CAUTION]\n> The service would refuse this: \(escape(refusal.message))"
          + (refusal.remedy.map { "\n\n\(fence($0, "diff"))" } ?? ""))
    }
    if plan.isEmpty { blocks.append("Nothing would change.") }
    blocks += plan.rollouts.filter { $0.effect != .unchanged || $0.drift != nil }
      .flatMap(blocksOf)
    let models = plan.models.filter { $0.effect != .unchanged }
    if !models.isEmpty {
      blocks.append("### Models")
      blocks.append(
        models.map { model in
          let changes = model.changes.map { "\n  - \(escape($0.description))" }.joined()
          return "- \(code(model.name.text)) \(model.effect.rawValue)\(changes)"
        }.joined(separator: "\n"))
    }
    return blocks.joined(separator: "\n\n") + "\n"
  }

  private func blocksOf(_ rollout: PlanReport.Rollout) -> [String] {
    let title = "\(code(rollout.name.text)) on route \(code(rollout.route.text))"
    var blocks = ["### \(title): \(rollout.effect.rawValue)"]
    if !rollout.changes.isEmpty {
      blocks.append(
        rollout.changes.map { "- **\($0.effect.rawValue)** \(escape($0.description))" }
          .joined(separator: "\n"))
    }
    if let drift = rollout.drift {
      blocks.append(
        "> [!IMPORTANT]\n> Written against \(code(drift.inFile.text)), but "
          + "\(code(drift.live.text)) is live."
          + (drift.hint.map { " \(escape($0))" } ?? ""))
      if let patch = drift.patch { blocks.append(fence(patch, "diff")) }
    }
    if !rollout.notes.isEmpty {
      blocks.append(rollout.notes.map { "- \(escape($0))" }.joined(separator: "\n"))
    }
    guard !rollout.steps.isEmpty else { return blocks }
    let tables = PlanTables(rollout)
    blocks.append(tables.traffic.markdown)
    if let gates = tables.gates { blocks.append(gates.markdown) }
    if !rollout.warnings.isEmpty {
      blocks.append(rollout.warnings.map { "- ⚠️ \(escape($0))" }.joined(separator: "\n"))
    }
    blocks.append("<sub>\(escape(rollout.assumptions))</sub>")
    return blocks
  }

  private func code(_ text: String) -> String { "`\(text.replacing("`", with: "'").escaped)`" }

  /// What has a meaning in Markdown or HTML is shown as it is written.
  private func escape(_ text: String) -> String { Markdown.escape(text) }

  private func fence(_ text: String, _ language: String) -> String {
    // Longer than any fence within.
    let ticks = text.split { $0 != "`" }.map(\.count).max() ?? 0
    let fence = String(repeating: "`", count: max(3, ticks + 1))
    let body = text.hasSuffix("\n") ? text : text + "\n"
    return "\(fence)\(language)\n\(body.escapedLines)\(fence)"
  }
}

/// Text that strangers wrote, in Markdown.
enum Markdown {
  static func escape(_ text: String) -> String {
    var escaped = ""
    for character in text.escaped {
      switch character {
      case "\\", "`", "*", "_", "[", "]", "<", ">", "|", "#", "~": escaped += "\\\(character)"
      // `@name` would call somebody.
      case "@": escaped += "@\u{200b}"
      default: escaped.append(character)
      }
    }
    return escaped
  }
}

extension Table {
  /// The same rows as Markdown has them.
  var markdown: String {
    let (titles, alignments, cells) = contents
    let head =
      "| " + titles.map { Markdown.escape($0.capitalizedTitle) }.joined(separator: " | ") + " |"
    let rule =
      "|" + alignments.map { $0 == .right ? " ---: |" : " --- |" }.joined()
    let rows = cells.map { row in
      "| "
        + titles.indices.map { row.indices.contains($0) ? Markdown.escape(row[$0].text) : "" }
        .joined(separator: " | ") + " |"
    }
    return ([head, rule] + rows).joined(separator: "\n")
  }
}

extension String {
  /// `ANSWERED BY` as `Answered by`.
  fileprivate var capitalizedTitle: String { prefix(1) + dropFirst().lowercased() }
}
