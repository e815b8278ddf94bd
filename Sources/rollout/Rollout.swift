import ArgumentParser
import Foundation

/// The command line. Each command is one file in `Commands`.
@main
struct Rollout: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollout",
    abstract: "Put a new language model into production without breaking it.",
    discussion: """
      rollout stands between clients and models. It sends live requests to the incumbent model, \
      shadows or splits traffic to candidates as a policy file says, compares both on the same \
      traffic, and moves on only when the policy's gates are shown to hold.

      EXAMPLE:
        rollout init                          write the first policies of a route
        rollout check policies/               find mistakes before others do
        rollout explain missing-unit          learn what one of them is about
        rollout plan policies/                what applying them would change
        rollout serve                         start the service
        rollout apply policies/ --reason "try flash attention"
        rollout ask "Why is the sky blue?"    be a client
        rollout status assistant --watch      see the rollout move
        rollout promote assistant             make the candidate the incumbent

      EXIT CODES:
      \(ExitStatus.legend)
      """,
    subcommands: [
      InitCommand.self, CheckCommand.self, ExplainCommand.self, SchemaCommand.self,
      PlanCommand.self, KeygenCommand.self, SignCommand.self,
      ApplyCommand.self, StatusCommand.self,
      PromoteCommand.self,
      AbortCommand.self, RollbackCommand.self, ApproveCommand.self, PauseCommand.self,
      ResumeCommand.self, HistoryCommand.self, AskCommand.self, FeedbackCommand.self,
      LabelCommand.self,
      ServeCommand.self, ReplayCommand.self, SimulateCommand.self, BacktestCommand.self,
      EvaluateCommand.self,
      DistillGateCommand.self, ExportCommand.self, AuditCommand.self, BackupCommand.self,
      BenchCommand.self,
    ])

  static func main() async {
    Foundation.exit(await run(CommandLine.arguments.dropFirst()).rawValue)
  }

  /// Runs one command and says how it ended; what went wrong is on standard error.
  private static func run(_ arguments: ArraySlice<String>) async -> ExitStatus {
    do {
      var command = try parseAsRoot(Array(arguments))
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return .done
    } catch let failure as CommandFailure {
      failure.report()
      return failure.status
    } catch {
      return report(error)
    }
  }

  /// ArgumentParser's own ends: help, a version, a mistake in the arguments.
  private static func report(_ error: any Error) -> ExitStatus {
    let code = exitCode(for: error)
    let message = fullMessage(for: error)
    if code == .success {
      Output.write(message.isEmpty ? "" : message + "\n")
      return .done
    }
    if !message.isEmpty { Output.writeError(message + "\n") }
    if code == .validationFailure { return .usage }
    return (error as? ExitCode).flatMap { ExitStatus(rawValue: $0.rawValue) } ?? .failed
  }
}
