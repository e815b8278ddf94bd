import ArgumentParser
import Experimentation
import Foundation
import PolicyLanguage

/// `rollout init`: the first policies of a route.
struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Write the first policies of a route: two models and a rollout, commented.",
    discussion: """
      A model is a file of weights, FILE or FILE#ATTENTION (flash where nothing is said), or a \
      server's, URL#MODEL. FILE is absolute, or as it is found in the folder of models of the \
      service (serve --models, .models by default). What is not said by an option is asked, where \
      there is a terminal. Files that are there are never written over, and nothing is written \
      that `rollout check` would not take.

      EXAMPLE:
        rollout init --incumbent model.gguf#dense --candidate model.gguf#flash --route assistant
        rollout init --incumbent http://vllm:8000/v1#acme/chat-3 \\
          --candidate http://vllm:8001/v1#acme/chat-4 --route chat --strategy canary
      """)

  @Option(help: ArgumentHelp("Who answers today.", valueName: "model"))
  var incumbent: String?

  @Option(help: ArgumentHelp("Who may take over.", valueName: "model"))
  var candidate: String?

  @Option(help: ArgumentHelp("The `model` that clients ask for.", valueName: "name"))
  var route: String?

  @Option(help: "How traffic finds out: \(Self.strategies).")
  var strategy: PolicyDraft.Strategy?

  @Option(help: ArgumentHelp("Where to write.", valueName: "folder"))
  var folder = "policies"

  func run() throws {
    let draft = try draft()
    let files = draft.files
    try check(files)
    try write(files)
    Output.write(files.map { "wrote \(path(of: $0))\n" }.joined())
    Output.write("next: rollout check \(folder), then rollout serve and rollout apply \(folder)\n")
  }

  private static let strategies = PolicyDraft.Strategy.allCases
    .map { "\($0.rawValue) (\($0.meaning))" }.joined(separator: ", ")

  // MARK: Answers

  private func draft() throws -> PolicyDraft {
    let isAsking = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
    var missing: [String] = []
    func answer(_ given: String?, _ option: String, _ question: String) -> String {
      if let given { return given }
      guard isAsking else {
        missing.append("--" + option)
        return ""
      }
      Output.write(question + " ")
      return readLine(strippingNewline: true)?.trimmingCharacters(in: .whitespaces) ?? ""
    }
    let incumbent = answer(incumbent, "incumbent", "Who answers today (FILE or URL#MODEL)?")
    let candidate = answer(candidate, "candidate", "Who may take over (FILE or URL#MODEL)?")
    let route = answer(route, "route", "Which model do clients ask for?")
    guard missing.isEmpty else {
      throw CommandFailure(
        .usage, "not said: \(missing.joined(separator: ", "))",
        remedy: "without a terminal nothing is asked; 'rollout init --help' has examples")
    }
    guard RouteName(route) != nil else {
      throw CommandFailure(
        .usage, "'\(route)' is no name of a route", remedy: "1 to 63 of a-z, 0-9, '.', '_' and '-'")
    }
    return try draft(incumbent, candidate, route)
  }

  private func draft(
    _ incumbent: String, _ candidate: String, _ route: String
  ) throws -> PolicyDraft {
    do {
      let incumbent = try DraftModel(incumbent)
      var candidate = try DraftModel(candidate)
      guard candidate.backend != incumbent.backend else {
        throw DraftModel.Mistake(
          message: "incumbent and candidate are the same model",
          remedy: "a file can attend otherwise: FILE#flash, FILE#slidingWindow; see --help")
      }
      if candidate.name == incumbent.name { candidate.name += "-candidate" }
      return PolicyDraft(
        incumbent: incumbent, candidate: candidate, route: route, strategy: strategy ?? .shadow)
    } catch let mistake as DraftModel.Mistake {
      throw CommandFailure(.usage, mistake.message, remedy: mistake.remedy)
    }
  }

  // MARK: Files

  /// What the parser says of the draft is about the answers: the rest of it is tested. Beside what
  /// the folder has already, if that is right by itself.
  private func check(_ files: [PolicySource]) throws {
    var beside: [PolicySource] = []
    if let there = try? PolicyFolder.sources(at: folder), (try? PolicyParser.parse(there)) != nil {
      let names = Set(files.map(path))
      beside = there.filter { !names.contains($0.file) }
    }
    var found: [Diagnostic] = []
    do { _ = try PolicyParser.parse(beside + files) } catch { found = error.diagnostics }
    guard let first = found.first else { return }
    throw CommandFailure(
      .usage, "nothing was written: \(first.statement)",
      remedy: "'rollout explain \(first.code.rawValue)' says more")
  }

  private func path(of file: PolicySource) -> String {
    (folder.hasSuffix("/") ? folder : folder + "/") + file.file
  }

  /// Every file, or none where one is there already.
  private func write(_ files: [PolicySource]) throws {
    let manager = FileManager.default
    let paths = files.map(path)
    guard Set(paths).count == paths.count else {
      throw CommandFailure(
        .usage, "a model and the rollout would both be in \(paths.last ?? folder)",
        remedy: "name another --route")
    }
    // A link to nowhere is there, too.
    let taken = paths.filter { (try? manager.attributesOfItem(atPath: $0)) != nil }
    guard taken.isEmpty else {
      throw CommandFailure(
        .refused, "there already: \(taken.joined(separator: ", "))",
        remedy: "nothing was written; name another --folder, or move them away")
    }
    var begun: [String] = []
    do {
      try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for file in files {
        begun.append(path(of: file))
        try Data(file.text.utf8).write(
          to: URL(filePath: path(of: file)), options: .withoutOverwriting)
      }
    } catch {
      for path in begun { try? manager.removeItem(atPath: path) }
      throw CommandFailure(.failed, "cannot write into \(folder): \(error.localizedDescription)")
    }
  }
}

extension PolicyDraft.Strategy: ExpressibleByArgument {}
