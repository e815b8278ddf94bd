import ArgumentParser
import Console
import Foundation

/// `rollout status`: what stands, what was measured, what is missing.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show routes and rollouts: traffic, gates, models, and what is missing.",
    discussion: """
      With a name: the rollout's steps, who answers how much, each gate's estimate with the \
      interval \
      that holds at every look at once, and how many samples it still wants.

      EXAMPLE:
        rollout status
        rollout status assistant --watch
      """)

  @Argument(help: "The rollout; the whole service when left out.")
  var name: RolloutArgument?

  @Flag(name: .shortAndLong, help: "Look again each second, until interrupted.")
  var watch = false

  @OptionGroup var control: ControlOptions

  func run() async throws {
    try await control.withClient { client in
      if watch { try await watch(client) } else { Output.write(try await text(client)) }
    }
  }

  private func text(_ client: ControlClient) async throws -> String {
    let style = Style.standardOutput
    if let name = name?.name {
      let rollout = try await client.rollout(name)
      return control.json
        ? try Output.json(rollout) : StatusText(style: style).text(of: rollout)
    }
    let status = try await client.status()
    return control.json ? try Output.json(status) : StatusText(style: style).text(of: status)
  }

  /// On a terminal each look takes the place of the one before; elsewhere they follow each other. A
  /// service that goes away is waited for: one watches through restarts.
  private func watch(_ client: ControlClient) async throws {
    let isTerminal = isatty(STDOUT_FILENO) == 1 && !control.json
    var hasAnswered = false
    while true {
      var shown: String
      do {
        shown = try await text(client)
        hasAnswered = true
      } catch let failure as CommandFailure where failure.status == .unreachable && hasAnswered {
        shown = ProblemText(style: .standardOutput).text(of: failure)
      }
      // Home, clear, and the rest of the screen stays clear.
      Output.write(isTerminal ? "\u{1b}[H\u{1b}[2J\(shown)" : shown + (control.json ? "" : "\n"))
      try await Task.sleep(for: .seconds(1))
    }
  }
}
