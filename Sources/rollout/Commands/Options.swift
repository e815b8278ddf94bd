import ArgumentParser
import Console
import Experimentation
import Foundation

/// Which service a command talks to, and how it answers.
struct ControlOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The control address of the service; else ROLLOUT_SERVER, else http://127.0.0.1:8081.",
      valueName: "url"))
  var server: String?

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  /// Runs `body` with a client; what the service refuses is reported as `--json` says.
  func withClient<Value>(_ body: (ControlClient) async throws -> Value) async throws -> Value {
    let address = server ?? ProcessInfo.processInfo.environment["ROLLOUT_SERVER"] ?? ""
    do {
      return try await ControlClient.use(address, body)
    } catch var failure as CommandFailure {
      failure.isJSON = json
      throw failure
    }
  }

  /// Writes `answer` as JSON, or as what `text` makes of it.
  func write<Answer: Encodable>(_ answer: Answer, _ text: (Answer, Style) -> String) throws {
    Output.write(json ? try Output.json(answer) : text(answer, .standardOutput))
  }
}

/// Who asks and why: the journal keeps both.
struct SignatureOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Who asks; else the name of the user.", valueName: "name"))
  var actor: String?

  @Option(help: ArgumentHelp("Why, for those who read the history.", valueName: "text"))
  var reason: String?

  /// Whom the journal will name.
  var signer: String { Self.signer(actor) }

  /// Who asks when somebody says they are `actor`, or says nothing.
  static func signer(_ actor: String?) -> String {
    if let actor { return actor }
    let environment = ProcessInfo.processInfo.environment
    let user = environment["USER"] ?? environment["LOGNAME"] ?? ""
    return user.isEmpty ? NSUserName() : user
  }
}

/// A rollout that somebody named.
struct RolloutArgument: ExpressibleByArgument {
  let name: RolloutName

  init?(argument: String) {
    guard let name = RolloutName(argument) else { return nil }
    self.name = name
  }
}

/// A model that somebody named.
struct ModelArgument: ExpressibleByArgument {
  let name: ModelName

  init?(argument: String) {
    guard let name = ModelName(argument) else { return nil }
    self.name = name
  }
}
