import ArgumentParser
import Experimentation
import Foundation
import PolicyLanguage
import Simulation

/// `rollout backtest`: what a policy would have done with recorded traffic.
struct BacktestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backtest",
    abstract: "Ask recorded traffic what a policy would have decided, when, and at what exposure.",
    discussion: """
      The recorded requests arrive again at the router and the controller of the service, in \
      virtual time. Where the chosen model answered the very request, its answer is that one; else \
      it is drawn, by the seed, from the model's answers to prompts of the same length. The report \
      says how many were. A policy that splits traffic is also judged off-policy, by the \
      propensities that the traffic was recorded with. Nothing is asked of a service.

      A trace is what 'rollout export NAME' writes: outcomes, comparisons, or both, as JSON lines. \
      Models are those of the same name. No step is taken back by a person, and approvals are \
      given at once. The same seed gives the same report. Ends with 0 however the rollout ends, \
      with 1 for mistakes in the policy, with 2 for lines that are no trace or models without \
      records.

      EXAMPLES:
        rollout export assistant --output outcomes.jsonl
        rollout export assistant --kind comparisons --output pairs.jsonl
        rollout backtest policies/next.yaml --trace outcomes.jsonl --trace pairs.jsonl
        rollout backtest policies/ --trace outcomes.jsonl --assume chat-v5=chat-v4
        rollout backtest policies/next.yaml --trace outcomes.jsonl --format markdown
      """)

  /// How the report is written.
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case text, json, markdown
  }

  @Argument(help: "Policy files and folders; models need no file.", completion: .file())
  var paths: [String]

  @Option(
    help: ArgumentHelp("Recorded traffic as JSON lines; - is standard input.", valueName: "file"),
    completion: .file())
  var trace: [String]

  @Option(help: "Which rollout, where the policy files have several.")
  var rollout: RolloutArgument?

  @Option(
    help: ArgumentHelp(
      "Have a model's records stand for one that has none.", valueName: "candidate=model"))
  var assume: [AssumptionArgument] = []

  @Option(help: "Where all chance comes from.")
  var seed: UInt64 = 1

  @Option(help: "How to answer.")
  var format = Format.text

  @Flag(help: "The same as --format json.")
  var json = false

  @Flag(help: "Say what each decision was based on.")
  var verbose = false

  func validate() throws {
    if trace.isEmpty { throw ValidationError("Name recorded traffic with --trace.") }
    if json, format == .markdown {
      throw ValidationError("--json and --format markdown ask for different answers.")
    }
    if Set(assume.map(\.model)).count < assume.count {
      throw ValidationError("--assume names a model twice.")
    }
  }

  func run() async throws {
    let policy = try policy()
    let trace = try TraceFiles.read(trace, route: policy.route)
    let plan = BacktestPlan(
      policy: policy,
      assumptions: Dictionary(uniqueKeysWithValues: assume.map { ($0.model, $0.source) }),
      seed: seed)
    let report = BacktestReport(try await Self.run(plan, on: trace))
    switch json ? .json : format {
    case .json: Output.write(try Output.json(report))
    case .markdown: Output.write(BacktestMarkdown(report: report).text)
    case .text:
      let text = BacktestText(style: .standardOutput, isVerbose: verbose)
      Output.write(text.text(of: report))
    }
  }

  /// - Throws: `CommandFailure` when the trace cannot tell.
  static func run(_ plan: BacktestPlan, on trace: Trace) async throws -> Backtest {
    do throws(BacktestRefusal) {
      return try await BacktestWorld.run(plan, on: trace)
    } catch {
      throw CommandFailure(.usage, error.message, remedy: error.remedy)
    }
  }

  /// The one rollout that is meant. Whether its models are in the files does not matter: nobody is
  /// asked.
  private func policy() throws -> RolloutPolicy {
    var rollouts: [RolloutPolicy] = []
    var diagnostics: [Diagnostic] = []
    do throws(PolicyErrors) {
      for source in try PolicyFiles.read(paths) {
        do throws(PolicyErrors) {
          if case .rollout(let policy) = try PolicyParser.parse(source) { rollouts.append(policy) }
        } catch {
          diagnostics += error.diagnostics
        }
      }
      guard diagnostics.isEmpty else { throw PolicyErrors(diagnostics: diagnostics) }
    } catch {
      Output.writeError(ProblemText(style: .standardError).text(of: error.diagnostics))
      throw ExitCode(ExitStatus(error).rawValue)
    }
    return try rollouts.meant(by: rollout?.name, in: paths.joined(separator: ", "))
  }
}

/// `candidate=model`
struct AssumptionArgument: ExpressibleByArgument {
  let model: ModelName
  let source: ModelName

  init?(argument: String) {
    let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, let model = ModelName(parts[0]), let source = ModelName(parts[1]) else {
      return nil
    }
    (self.model, self.source) = (model, source)
  }
}

/// Recorded traffic that somebody named on the command line.
enum TraceFiles {
  private static let pieceBytes = 4 << 20

  /// Reads files in the order given; memory holds the trace and a piece of one file.
  static func read(_ paths: [String], route: RouteName) throws -> Trace {
    var reader = TraceReader(route: route)
    for path in paths {
      reader.begin(file: path == "-" ? "<stdin>" : path)
      let handle = try open(path)
      do {
        while !reader.isFull, let piece = try handle.read(upToCount: pieceBytes), !piece.isEmpty {
          piece.withUnsafeBytes { reader.append($0) }
        }
        if path != "-" { try handle.close() }
      } catch {
        throw CommandFailure(.failed, "'\(path)' cannot be read: \(error.localizedDescription)")
      }
    }
    return try trace(&reader)
  }

  /// - Throws: `CommandFailure` with the status of wrong input for what is no file that can be read
  private static func open(_ path: String) throws(CommandFailure) -> FileHandle {
    if path == "-" { return .standardInput }
    let target = URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false)
    let facts = try? FileManager.default.attributesOfItem(atPath: target)
    let type = facts?[.type] as? FileAttributeType
    // What a shell has opened already may be a pipe; opening another would wait for its writer.
    if path.hasPrefix("/dev/fd/") || type == .typeRegular,
      let handle = FileHandle(forReadingAtPath: path)
    {
      return handle
    }
    let (what, remedy): (String, String) =
      switch type {
      case .typeDirectory?: ("is a folder", "name the files in it, each with a --trace")
      case .typeRegular?: ("may not be read by this user", "see to its permissions")
      case nil: ("is not there", "'rollout export NAME --output \(path)' writes one")
      default: ("is no file", "pipe what it has into the command: --trace -")
      }
    throw CommandFailure(.usage, "'\(path)' cannot be read: it \(what)", remedy: remedy)
  }

  private static func trace(_ reader: inout TraceReader) throws -> Trace {
    do throws(TraceErrors) {
      return try reader.finish()
    } catch {
      for problem in error.problems { Output.writeError("\(problem.description.escaped)\n") }
      if error.omitted > 0 { Output.writeError("… and \(error.omitted) more\n") }
      throw CommandFailure(
        .usage, "what was named is no recorded traffic",
        remedy: "'rollout export NAME' writes it; 'rollout help backtest' says what it is")
    }
  }
}
