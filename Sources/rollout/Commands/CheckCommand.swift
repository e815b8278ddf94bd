import ArgumentParser
import Console
import Foundation
import PolicyLanguage

/// `rollout check`: every mistake in policy files, without a service.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Find every mistake in policy files, without a service.",
    discussion: """
      Reads files, and the .yaml and .yml files of folders, as the service would; - is standard \
      input. Prints each mistake with its place, what was expected and a guess at what was meant. \
      Ends with 1 when there is an error, with 2 when there is no policy where one was named; \
      warnings alone end with 0.

      FORMATS:
        text    for people, with the line and a mark under the place
        json    an array of diagnostics, for programs
        github  annotations beside the lines of a pull request, in a GitHub workflow
        sarif   SARIF 2.1.0, for code scanners and editors

      EXAMPLE:
        rollout check policies/
        policies/assistant.yaml:9:3: error: unknown key 'step' [unknown-key]; did you mean 'steps'?
      """)

  /// How mistakes are written.
  enum Format: String, CaseIterable, ExpressibleByArgument {
    case text, json, github, sarif
  }

  @Argument(help: "Policy files and folders, or - for standard input.", completion: .file())
  var paths: [String] = ["policies"]

  @Option(help: "How to answer.")
  var format = Format.text

  @Flag(help: "The same as --format json.")
  var json = false

  func validate() throws {
    if json, format != .text, format != .json {
      throw ValidationError("--json and --format \(format.rawValue) ask for different answers.")
    }
  }

  func run() throws {
    var result = Result()
    do {
      result.sources = try PolicyFiles.read(paths)
      let policies = try PolicyParser.parse(result.sources)
      result.diagnostics = policies.warnings
      let models = Self.count(policies.models.count, "model")
      result.found = "\(models), \(Self.count(policies.rollouts.count, "rollout"))"
    } catch {
      result.diagnostics = error.diagnostics
      result.status = ExitStatus(error)
    }
    Output.write(try text(of: result))
    if result.status != .done { throw ExitCode(result.status.rawValue) }
  }

  /// What a check came to.
  private struct Result {
    var sources: [PolicySource] = []
    var diagnostics: [Diagnostic] = []
    /// What the files have, when they have no error.
    var found: String?
    var status = ExitStatus.done
  }

  private func text(of result: Result) throws -> String {
    let diagnostics = result.diagnostics
    switch json ? .json : format {
    case .text:
      return ProblemText(style: .standardOutput).text(of: diagnostics) + summary(of: result)
    case .json: return try Output.json(diagnostics)
    case .github:
      return GitHubAnnotations.text(of: diagnostics, root: root) + summary(of: result)
    case .sarif:
      return try Output.json(SARIFLog(diagnostics, sources: result.sources, root: root))
    }
  }

  /// In a workflow the checkout is named, wherever the command runs.
  private var root: ReportRoot {
    ReportRoot(
      workingFolder: FileManager.default.currentDirectoryPath,
      root: ProcessInfo.processInfo.environment["GITHUB_WORKSPACE"])
  }

  private func summary(of result: Result) -> String {
    let errors = result.diagnostics.count { $0.severity == .error }
    let counts = [(errors, "error"), (result.diagnostics.count - errors, "warning")]
      .filter { $0.0 > 0 }.map { Self.count($0.0, $0.1) }
    let found = result.found.map { ["ok: \($0)"] } ?? []
    var summary = (found + counts).joined(separator: ", ")
    if let code = result.diagnostics.first?.code {
      summary += "; 'rollout explain \(code.rawValue)' says why and shows how to mend it"
    }
    return summary + "\n"
  }

  private static func count(_ number: Int, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
  }
}

/// Policy files that somebody named on the command line.
enum PolicyFiles {
  /// Reads files and folders in the order given.
  ///
  /// - Throws: `PolicyErrors` with every file that cannot be read.
  static func read(_ paths: [String]) throws(PolicyErrors) -> [PolicySource] {
    var sources: [PolicySource] = []
    var diagnostics: [Diagnostic] = []
    for path in paths {
      do { sources += try read(path) } catch { diagnostics += error.diagnostics }
    }
    guard diagnostics.isEmpty else { throw PolicyErrors(diagnostics: diagnostics) }
    return sources
  }

  /// Whether a folder lies there, or a link to one.
  static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
      && isFolder.boolValue
  }

  private static func read(_ path: String) throws(PolicyErrors) -> [PolicySource] {
    guard path == "-" else { return try PolicyFolder.sources(at: path) }
    return [try PolicyFolder.source(from: .standardInput, named: "<stdin>")]
  }
}
