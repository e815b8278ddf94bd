import ArgumentParser
import Experimentation
import Foundation
import Logging
import Observability
import PolicyLanguage
import Storage
import Tensors
import Transformer

/// `rollout serve`: the service itself.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Start the service: the inference endpoint and the control endpoint.",
    discussion: """
      Serves OpenAI's API under http://HOST:PORT/v1 and the control API, which the other commands \
      use, under its own address. What was decided is kept in the data folder: after a restart, \
      also \
      an unexpected one, the service goes on where it was.

      With --policies, the folder is applied at the start, as `rollout apply` would, and again \
      whenever its files change. What is in force already changes nothing; a file with a mistake \
      leaves everything as it was, and `rollout status` says so.

      Policies are taken from whoever reaches the control endpoint while that is an address of \
      this machine. Elsewhere, or with --trust, they must be signed: see `rollout sign`. With \
      --audience, a signature must be for this service: one for staging is no good in production.

      EXAMPLE:
        rollout serve --policies policies/ --models .models
      """)

  @Option(
    help: ArgumentHelp("Policies to apply, and to follow as they change.", valueName: "folder"))
  var policies: String?

  @Option(
    help: ArgumentHelp(
      "The public half of a key whose policies are taken (`rollout keygen`); may be repeated.",
      valueName: "file"), completion: .file())
  var trust: [String] = []

  @Option(
    help: ArgumentHelp(
      "Whether policies that nobody signed are taken; by default only where the control endpoint "
        + "is an address of this machine and no key is trusted.", valueName: "allowed|refused"))
  var unsigned: Unsigned?

  @Option(
    help: ArgumentHelp(
      "What signatures that are for this service call it (`rollout sign --audience`); no others "
        + "are taken then.", valueName: "name"))
  var audience: String?

  @Option(help: ArgumentHelp("Where decisions and outcomes are kept.", valueName: "folder"))
  var data = ".rollout"

  @Option(
    help: ArgumentHelp(
      "Where the journal's head is kept outside of it, for `rollout audit verify`; control.anchor "
        + "in the data folder by default. Best on another volume.", valueName: "file"))
  var anchor: String?

  @Option(
    help: ArgumentHelp(
      "Days that single outcomes are kept; what they add up to stays.", valueName: "days"))
  var keepDays = 30

  @Option(
    help: ArgumentHelp(
      "Outcomes kept at most, the newest; ten million take less than 2 GB.", valueName: "rows"))
  var keepRows = 10_000_000

  @Option(help: ArgumentHelp("Where relative paths of weights are found.", valueName: "folder"))
  var models = ".models"

  @Option(help: "Address of the inference endpoint.")
  var host = "127.0.0.1"

  @Option(parsing: .unconditional, help: "Port of the inference endpoint; 0 chooses a free one.")
  var port = 8080

  @Option(help: "Address of the control endpoint. Whoever reaches it may promote and abort.")
  var controlHost = "127.0.0.1"

  @Option(parsing: .unconditional, help: "Port of the control endpoint; 0 chooses a free one.")
  var controlPort = 8081

  @Option(parsing: .unconditional, help: "Threads of the embedded engine; all cores by default.")
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "How the embedded engine multiplies: float32 (exact), or int8 (activations rounded to 8 "
        + "bits, as llama.cpp does: faster, but answers may leave the exact ones where two tokens "
        + "are about equally likely).",
      valueName: "int8|float32"))
  var arithmetic: Arithmetic = .float32

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Memory for attention caches, in MiB.", valueName: "MiB"))
  var cache = 2_048

  @Option(
    help: ArgumentHelp(
      "How attention caches are kept: f16, or q8 (8 bits, half the memory). Models that choose "
        + "blocks of keys, or whose rotation grows with the text, keep f16; the log and 'rollout "
        + "status' name them.", valueName: "f16|q8"))
  var kvCache: CacheFormat = .f16

  @Option(
    help: ArgumentHelp(
      "Whether attention caches stay, while there is memory, for prompts that begin alike. Turn it "
        + "off where clients must not find out by timing what others have asked.",
      valueName: "on|off"))
  var prefixCache: Switch = .on

  @Option(
    help: ArgumentHelp(
      "Environment variable with the keys, separated by commas, of which clients must show one.",
      valueName: "name"))
  var apiKeysEnv: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How long after its request feedback is evidence; gates wait for it as long.",
      valueName: "seconds"))
  var feedbackWindow = 3_600

  @Option(
    help: ArgumentHelp(
      "Whether the words of feedback are kept; else they are refused.", valueName: "on|off"))
  var feedbackText: Switch = .off

  @Option(
    help: ArgumentHelp(
      "Origins of pages whose browsers may send feedback, separated by commas, or '*'; none by "
        + "default.", valueName: "origins"))
  var feedbackOrigins: String?

  @Option(
    help: ArgumentHelp("How much is logged to standard error.", valueName: "level"))
  var logLevel: LogLevel = .info

  func validate() throws {
    for (name, value) in [("port", port), ("control-port", controlPort)]
    where !(0...65_535).contains(value) {
      throw ValidationError("--\(name) is \(value), not in 0...65535.")
    }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), not in 1...256.")
    }
    guard (1...36_500).contains(keepDays), (1_000...1_000_000_000).contains(keepRows) else {
      throw ValidationError("--keep-days is in 1...36500, --keep-rows in 1000...1000000000.")
    }
    guard (1...604_800).contains(feedbackWindow) else {
      throw ValidationError("--feedback-window is \(feedbackWindow), not in 1...604800.")
    }
    if let audience, Name<PolicySignature>(audience) == nil {
      throw ValidationError("--audience is a name: 1 to 63 of a-z, 0-9, '.', '_' and '-'.")
    }
    guard (16...1_048_576).contains(cache) else {
      throw ValidationError("--cache is \(cache), not in 16...1048576.")
    }
  }

  func run() async throws {
    let level = logLevel.level
    LoggingSystem.bootstrap { LogfmtHandler(label: $0, logLevel: level) }
    var configuration = ServiceConfiguration(dataFolder: data, modelFolder: models)
    configuration.policies = policies
    configuration.trust = try trustedKeys()
    configuration.anchor = anchor
    configuration.retention = Retention(
      maximumAge: .seconds(keepDays * 86_400), maximumRows: keepRows)
    configuration.dataPlane = ServiceConfiguration.Address(host: host, port: port)
    configuration.controlPlane = ServiceConfiguration.Address(
      host: controlHost, port: controlPort)
    configuration.engine.mode = arithmetic.mode
    configuration.engine.cacheBytes = cache << 20
    configuration.engine.cacheFormat = kvCache
    configuration.engine.keepsPrefixes = prefixCache == .on
    if let threads { configuration.engine.threads = threads }
    configuration.apiKeys = try keys()
    configuration.feedbackWindow = FeedbackWindow(milliseconds: Int64(feedbackWindow) * 1_000)
    configuration.keepsFeedbackText = feedbackText == .on
    configuration.feedbackOrigins = try origins()
    try await RolloutService.run(configuration)
  }

  /// As browsers spell them: a scheme and a host, perhaps a port, and nothing behind.
  private func origins() throws -> Set<String> {
    let origins = (feedbackOrigins ?? "").split(separator: ",").map(String.init)
    for origin in origins where origin != "*" {
      guard let url = URL(string: origin), ["http", "https"].contains(url.scheme ?? ""),
        url.host(percentEncoded: true)?.isEmpty == false, url.path.isEmpty, url.query == nil,
        url.fragment == nil, url.user == nil
      else {
        throw CommandFailure(
          .usage, "'\(origin)' is no origin", remedy: "write it like https://chat.example")
      }
    }
    return Set(origins)
  }

  private func trustedKeys() throws(CommandFailure) -> PolicyTrust {
    var keys: [PolicyVerifyingKey] = []
    for path in trust {
      guard let text = try? String(contentsOfFile: path, encoding: .utf8),
        let key = PolicyVerifyingKey(pem: text)
      else {
        throw CommandFailure(
          .usage, "\(path) is no Ed25519 public key in PEM",
          remedy: "name the NAME.pub.pem that `rollout keygen NAME` wrote")
      }
      keys.append(key)
    }
    let isLocal = ["127.0.0.1", "::1", "localhost"].contains(controlHost)
    return PolicyTrust(
      keys: keys, acceptsUnsigned: unsigned.map { $0 == .allowed } ?? (isLocal && keys.isEmpty),
      audience: audience)
  }

  private func keys() throws -> Set<String>? {
    guard let apiKeysEnv else { return nil }
    let value = ProcessInfo.processInfo.environment[apiKeysEnv] ?? ""
    let keys = value.split(separator: ",").map(String.init)
    guard !keys.isEmpty else {
      throw CommandFailure(
        .usage, "the environment variable \(apiKeysEnv) has no keys",
        remedy: "set it to one or more keys, separated by commas, or leave out --api-keys-env")
    }
    return Set(keys)
  }
}

/// How the engine multiplies, as the command line spells it.
enum Arithmetic: String, ExpressibleByArgument, CaseIterable {
  case int8, float32

  var mode: NumericMode {
    switch self {
    case .int8: .int8
    case .float32: .float32
    }
  }
}

extension CacheFormat: ExpressibleByArgument {}

/// Whether something is done, as the command line spells it.
enum Switch: String, ExpressibleByArgument, CaseIterable {
  case on, off
}

/// Whether policies need a signature, as the command line spells it.
enum Unsigned: String, ExpressibleByArgument, CaseIterable {
  case allowed, refused
}

/// How much is logged, as the command line spells it.
enum LogLevel: String, ExpressibleByArgument, CaseIterable {
  case trace, debug, info, notice, warning, error

  var level: Logger.Level { Logger.Level(rawValue: rawValue) ?? .info }
}
