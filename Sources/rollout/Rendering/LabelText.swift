import Console

/// What `rollout label` shows. Models and clients wrote the texts, and a terminal does what some
/// characters say: they are written out. A margin tells their lines from ours, so that no answer
/// can fake the heading of the next one.
struct LabelText {
  var style: Style

  static let question = "better: 1 first, 2 second, t tie, s skip, q quit > "

  /// One pair, blind, with how many there are.
  func text(of pair: LabelsResponse.Pair, in page: LabelsResponse) -> String {
    let heading =
      "pair \(pair.pair) of \(page.rollout), run \(page.run): \(page.labelled) labelled, "
      + "\(page.waiting) waiting"
    return
      ([style.paint(heading, .faint)]
      + [
        ("Question", pair.question), ("1 First answer", pair.first),
        ("2 Second answer", pair.second),
      ]
      .flatMap { ["", style.paint($0.0, .bold), Self.inMargin($0.1)] }
      + ["", ""]).joined(separator: "\n")
  }

  /// A text of others, each line behind a margin.
  private static func inMargin(_ text: String) -> String {
    text.escapedLines.split(separator: "\n", omittingEmptySubsequences: false)
      .map { "  │ " + $0 }.joined(separator: "\n")
  }

  /// When nothing is left to ask.
  func end(_ page: LabelsResponse, said: Int) -> String {
    let left =
      page.waiting == 0
      ? "No pair of \(page.rollout) waits for a label" : "That was the last of those that wait"
    return "\(left); run \(page.run) has \(page.labelled) labels, \(said) of them just now.\n"
  }

  /// What became of one label.
  static func sentence(_ answer: LabelResponse) -> String {
    "\(answer.status.rawValue): pair \(answer.pair); \(answer.labelled) labelled, "
      + "\(answer.waiting) waiting"
  }
}
