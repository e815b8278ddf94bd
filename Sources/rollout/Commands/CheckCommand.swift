import ArgumentParser
import Console
import PolicyLanguage

/// `rollout check`: every mistake in policy files, without a service.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Find every mistake in policy files, without a service.",
    discussion: """
      Reads files, and the .yaml and .yml files of folders, as the service would. Prints each \
      mistake \
      with its place, what was expected and a guess at what was meant. Ends with 1 when there \
      is an \
      error, with 2 when there is no policy where one was named; warnings alone end with 0.

      EXAMPLE:
        rollout check policies/
        policies/assistant.yaml:9:3: error: unknown key 'step' [unknown-key]; did you mean 'steps'?
      """)

  @Argument(help: "Policy files and folders.", completion: .file())
  var paths: [String] = ["policies"]

  @Flag(help: "Answer in JSON: an array of diagnostics.")
  var json = false

  func run() throws {
    let diagnostics: [Diagnostic]
    var summary = ""
    var status = ExitStatus.done
    do {
      let policies = try PolicyParser.parse(try PolicyFiles.read(paths))
      diagnostics = policies.warnings
      summary = "\(count(policies.models.count, "model")), "
      summary += count(policies.rollouts.count, "rollout")
    } catch {
      diagnostics = error.diagnostics
      status = ExitStatus(error)
    }
    let errors = diagnostics.count { $0.severity == .error }
    if json {
      Output.write(try Output.json(diagnostics))
    } else {
      Output.write(ProblemText(style: .standardOutput).text(of: diagnostics))
      let warnings = diagnostics.count - errors
      let counts = [(errors, "error"), (warnings, "warning")].filter { $0.0 > 0 }
        .map { count($0.0, $0.1) }
      Output.write(
        errors > 0
          ? counts.joined(separator: ", ") + "\n"
          : (["ok: \(summary)"] + counts).joined(separator: ", ") + "\n")
    }
    if status != .done { throw ExitCode(status.rawValue) }
  }

  private func count(_ number: Int, _ noun: String) -> String {
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
      do { sources += try PolicyFolder.sources(at: path) } catch {
        diagnostics += error.diagnostics
      }
    }
    guard diagnostics.isEmpty else { throw PolicyErrors(diagnostics: diagnostics) }
    return sources
  }
}
