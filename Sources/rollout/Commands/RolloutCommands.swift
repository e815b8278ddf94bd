import ArgumentParser
import Console
import Experimentation

/// Commands to one rollout, which differ in little but their names.
protocol RolloutCommand: AsyncParsableCommand {
  static var action: RolloutAction { get }
  var arguments: RolloutArguments { get }
}

/// What every command to a rollout takes.
struct RolloutArguments: ParsableArguments {
  @Argument(help: "The rollout.")
  var name: RolloutArgument

  @OptionGroup var signature: SignatureOptions
  @OptionGroup var control: ControlOptions
}

extension RolloutCommand {
  func run() async throws { try await perform() }

  /// Asks the service, and shows what it wrote down and how the rollout stands.
  func perform(
    force: Bool = false, model: ModelName? = nil, generation: Int64? = nil
  ) async throws {
    let request = CommandRequest(
      actor: arguments.signature.signer, reason: arguments.signature.reason, force: force,
      model: model, generation: generation)
    let answer = try await arguments.control.withClient {
      try await $0.perform(Self.action, on: arguments.name.name, request)
    }
    try arguments.control.write(answer) { answer, style in
      HistoryText(style: style).text(of: answer.entries) + "\n"
        + StatusText(style: style).text(of: answer.rollout)
    }
  }
}

/// `rollout promote`: makes a candidate the incumbent.
struct PromoteCommand: RolloutCommand {
  static let action = RolloutAction.promote
  static let configuration = CommandConfiguration(
    commandName: "promote",
    abstract: "Make a candidate the incumbent of its route.",
    discussion: """
      Refused with exit code 1 while goals or guardrails are open; the answer names each with its \
      interval and how many samples are missing. --force promotes all the same, needs a \
      --reason, and \
      the journal keeps both.

      EXAMPLE:
        rollout promote assistant
        rollout promote assistant --force --reason "incident 42: the incumbent is down"
      """)

  @OptionGroup var arguments: RolloutArguments

  @Option(help: ArgumentHelp("Which candidate, when there are several.", valueName: "name"))
  var model: ModelArgument?

  @Option(
    help: ArgumentHelp(
      "The rollout's generation that this was decided on, as `status --json` says it; refused when "
        + "another command or a look came in between.", valueName: "n"))
  var generation: Int64?

  @Flag(help: "Promote although gates are open; needs --reason.")
  var force = false

  func validate() throws {
    if force && (arguments.signature.reason ?? "").isEmpty {
      throw ValidationError(
        "--force needs --reason: the journal keeps why the gates were passed by.")
    }
  }

  func run() async throws {
    try await perform(force: force, model: model?.name, generation: generation)
  }
}

/// `rollout abort`: a person stops a rollout.
struct AbortCommand: RolloutCommand {
  static let action = RolloutAction.abort
  static let configuration = CommandConfiguration(
    commandName: "abort",
    abstract: "Stop a rollout; the incumbent gets all traffic back at once.",
    discussion: "EXAMPLE:\n  rollout abort assistant --reason \"wrong weights\"")

  @OptionGroup var arguments: RolloutArguments
}

/// `rollout rollback`: takes the traffic back.
struct RollbackCommand: RolloutCommand {
  static let action = RolloutAction.rollback
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Take traffic back: from a live rollout, or from a model that it promoted.",
    discussion: """
      After a promotion the route goes back to the model that was live before.

      EXAMPLE:
        rollout rollback assistant --reason "complaints about long prompts"
      """)

  @OptionGroup var arguments: RolloutArguments
}

/// `rollout approve`: lets a rollout pass the approval step at which it stands.
struct ApproveCommand: RolloutCommand {
  static let action = RolloutAction.approve
  static let configuration = CommandConfiguration(
    commandName: "approve",
    abstract: "Let a rollout pass the approval step at which it stands.",
    discussion: "EXAMPLE:\n  rollout approve assistant --reason \"reviewed the shadow's answers\"")

  @OptionGroup var arguments: RolloutArguments
}

/// `rollout pause`: keeps the traffic and stops moving.
struct PauseCommand: RolloutCommand {
  static let action = RolloutAction.pause
  static let configuration = CommandConfiguration(
    commandName: "pause",
    abstract: "Keep a rollout where it is: traffic stays, nothing moves forward.",
    discussion: "EXAMPLE:\n  rollout pause assistant --reason \"weekend\"")

  @OptionGroup var arguments: RolloutArguments
}

/// `rollout resume`: moves again.
struct ResumeCommand: RolloutCommand {
  static let action = RolloutAction.resume
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Let a paused or inconclusive rollout move again.",
    discussion: "EXAMPLE:\n  rollout resume assistant")

  @OptionGroup var arguments: RolloutArguments
}
