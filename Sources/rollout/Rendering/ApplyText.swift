import Console

/// What `rollout apply` shows.
struct ApplyText {
  var style: Style

  func text(of answer: ApplyResponse) -> String {
    var text = ProblemText(style: style).text(of: answer.warnings)
    var table = Table([("KIND", .left), ("NAME", .left), ("EFFECT", .left)])
    for change in answer.changes {
      table.add([
        .init(change.kind.rawValue), .init(change.name, .bold),
        .init(change.effect.rawValue, change.effect == .unchanged ? .faint : .green),
      ])
    }
    text += table.lines(style).joined(separator: "\n") + "\n"
    if answer.dryRun { return text + "\nA dry run: nothing was changed.\n" }
    return text + "\n" + HistoryText(style: style).text(of: answer.entries)
  }
}
