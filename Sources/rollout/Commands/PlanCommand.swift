import ArgumentParser
import Console
import Experimentation
import Foundation
import PolicyLanguage

/// `rollout plan`: what applying policy files would change.
struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Say what applying policy files would change, before anybody does.",
    discussion: """
      Compares what the files mean with what the running service has in force, or with what they \
      were at a git reference (--base). Shows what is asked for more or less strictly, who answers \
      how much of the traffic in each step, how many users another model answers than before, and \
      for each gate how long it takes at the route's own pace and how small an effect it can see. \
      A file that was written against another incumbent than the live one is shown with the patch \
      that mends it. Nothing is changed. A rollout's file may be named alone with --base: the \
      models are found beside it, on both sides.

      EXAMPLES:
        rollout plan policies/
        rollout plan policies/ --base origin/main --rate 2.5
        rollout plan policies/assistant.yaml --base origin/main
        rollout plan policies/ --base origin/main --format markdown > comment.md
      """)

  /// How the plan is written.
  enum Format: String, CaseIterable, ExpressibleByArgument { case text, json, markdown }

  @Argument(help: "Policy files and folders.", completion: .file())
  var paths: [String] = ["policies"]

  @Option(help: ArgumentHelp("Compare with the files at this commit, offline.", valueName: "ref"))
  var base: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Requests a second of each route; else what the service has counted.", valueName: "number"))
  var rate: Double?

  @Option(
    help: ArgumentHelp(
      "A file of users (whatever the assignment unit is), one a line, as requests name them, "
        + "without blanks around: exactly how many of them another model will answer.",
      valueName: "file"), completion: .file())
  var units: String?

  @Flag(help: "End with 1 when something is asked for less strictly than before.")
  var failOnLoosened = false

  @Option(help: "How to answer.")
  var format: Format?

  @OptionGroup var control: ControlOptions

  func validate() throws {
    if let rate, !(rate > 0 && rate <= 1e6) {
      throw ValidationError("--rate is above 0 and at most 1000000.")
    }
    if control.json, let format, format != .json {
      throw ValidationError("--json and --format \(format.rawValue) ask for different answers.")
    }
    if base != nil, control.server != nil {
      throw ValidationError("--base compares with files and --server with a service: name one.")
    }
  }

  func run() async throws {
    do { try await plan() } catch var failure as CommandFailure {
      failure.isJSON = wanted == .json
      throw failure
    }
  }

  private func plan() async throws {
    let sources: [PolicySource]
    do { sources = try PolicyFiles.read(paths) } catch { throw refusal(of: error) }
    let units = try units.map { path throws(CommandFailure) in try UnitFile.read(path) } ?? []
    let report =
      if let base { try plan(sources, at: base, units) } else { try await live(sources, units) }
    Output.write(try text(of: report))
    if failOnLoosened, !report.loosened.isEmpty {
      throw CommandFailure(
        .refused, "\(report.loosened.count) rules are looser than before",
        remedy: "have somebody agree to them, or leave out --fail-on-loosened")
    }
  }

  private var wanted: Format { control.json ? .json : format ?? .text }

  private func text(of report: PlanReport) throws -> String {
    switch wanted {
    case .text: PlanText(style: .standardOutput).text(of: report)
    case .json: try Output.json(report)
    case .markdown: PlanMarkdown().text(of: report)
    }
  }

  /// Against the files of another commit.
  private func plan(
    _ sources: [PolicySource], at reference: String, _ units: [AssignmentUnit]
  ) throws -> PlanReport {
    let folders = NeighbouringModels.folders(of: paths)
    let beside = NeighbouringModels.names(in: try former(folders, at: reference))
    let before: PolicySet
    do {
      before = try PolicyParser.parse(try former(paths, at: reference), knownModels: beside)
    } catch let errors as PolicyErrors {
      throw CommandFailure(
        .failed, "the policies at '\(reference)' have mistakes themselves\n\(errors)",
        remedy: "compare with a commit whose policies are valid; where the models lie elsewhere, "
          + "name their files or their folder too")
    }
    // A folder that cannot be read whole has no models to offer; what is asked about says so.
    let now = folders.flatMap { (try? PolicyFolder.sources(at: $0)) ?? [] }
    let known = Set(before.models.map(\.name)).union(beside)
      .union(NeighbouringModels.names(in: now))
    return PlanReport(
      try parse(sources, known: known), from: sources,
      against: PlanBase(before, title: "the files at \(reference)"), rate: rate, units: units)
  }

  /// What files and folders were at a commit.
  private func former(
    _ paths: [String], at reference: String
  ) throws(CommandFailure) -> [PolicySource] {
    var sources: [PolicySource] = []
    for path in paths {
      do { sources += try GitRepository(path: path).policies(at: reference) } catch {
        throw CommandFailure(
          .usage, "git does not know the policies at '\(reference)': \(error.message)",
          remedy: "fetch the reference first, or compare with a service: leave out --base")
      }
    }
    return sources
  }

  /// Against a running service, which is asked too whether it would take the files.
  private func live(
    _ sources: [PolicySource], _ units: [AssignmentUnit]
  ) async throws -> PlanReport {
    try await control.withClient { client in
      let answer = try await client.policies()
      let policies = try parse(sources, known: Set(answer.models.map(\.name)))
      var report = PlanReport(
        policies, from: sources, against: PlanBase(answer, at: client.server), rate: rate,
        units: units)
      let request = ApplyRequest(
        files: sources.map { ApplyRequest.File(file: $0.file, text: $0.text) }, actor: "plan",
        signature: try PolicySignatureFile.read(beside: paths), dryRun: true)
      do {
        _ = try await client.apply(request)
      } catch let failure as CommandFailure where failure.problem != nil {
        // What is still reviewed is not signed yet.
        if failure.problem?.code == .notTrusted, request.signature == nil { return report }
        report.refusal = PlanReport.Refusal(message: failure.message, remedy: failure.remedy)
      }
      return report
    }
  }

  private func parse(
    _ sources: [PolicySource], known: Set<ModelName>
  ) throws(CommandFailure) -> PolicySet {
    do { return try PolicyParser.parse(sources, knownModels: known) } catch {
      throw refusal(of: error)
    }
  }

  private func refusal(of errors: PolicyErrors) -> CommandFailure {
    var failure = CommandFailure(
      ErrorResponse.Problem(
        .policyRefused, "the files have mistakes",
        remedy: "mend them: rollout check \(paths.joined(separator: " "))",
        diagnostics: errors.diagnostics))
    failure.status = ExitStatus(errors)
    return failure
  }
}
