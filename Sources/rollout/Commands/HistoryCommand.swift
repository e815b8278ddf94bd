import ArgumentParser

/// `rollout history`: who decided what, when and why.
struct HistoryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "history",
    abstract: "Show who or what decided what, when and why.",
    discussion: """
      Oldest first, from the journal. With --json each entry has the evidence it was based on \
      and the \
      hash that binds it to all before.

      EXAMPLE:
        rollout history assistant
      """)

  @Argument(help: "The rollout; all of them when left out.")
  var name: RolloutArgument?

  @OptionGroup var control: ControlOptions

  func run() async throws {
    let answer = try await control.withClient { try await $0.history(of: name?.name) }
    try control.write(answer) { HistoryText(style: $1).text(of: $0) }
  }
}
