import ArgumentParser
import Console
import SQLiteStorage
import Storage

/// `rollout audit`: whether the journal is what was written.
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Show whether the journal is what was written.",
    subcommands: [AuditVerifyCommand.self])
}

/// `rollout audit verify`: recomputes the chain, and holds it against the anchor.
struct AuditVerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Find entries that were changed, removed or put in, and older copies.",
    discussion: """
      Recomputes the chain of hashes over the whole journal and compares its head with the anchor, \
      which the service keeps outside of the journal and renews with every decision. Asks the \
      running service; with --data it reads the folder of one that does not run. Exit status 1 \
      when anything is wrong.

      EXAMPLES:
        rollout audit verify
        rollout audit verify --data .rollout --anchor /mnt/other/control.anchor
      """)

  @Option(help: ArgumentHelp("A data folder that no service has open.", valueName: "folder"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "The anchor, with --data; control.anchor in the folder by default.", valueName: "file"))
  var anchor: String?

  @OptionGroup var control: ControlOptions

  func validate() throws {
    if anchor != nil && data == nil { throw ValidationError("--anchor belongs to --data.") }
  }

  func run() async throws {
    let answer = try await audit()
    try control.write(answer) { answer, style in
      let entries = "\(answer.entries) entries, head \(answer.head)\n"
      guard !answer.findings.isEmpty else {
        return "the journal is whole: " + entries
      }
      return style.paint("the journal is not whole", .red) + ": verified \(entries)"
    }
    guard answer.findings.isEmpty else {
      throw CommandFailure(.refused, answer.findings.joined(separator: "\n"))
    }
  }

  private func audit() async throws -> AuditResponse {
    guard let data else { return try await control.withClient { try await $0.audit() } }
    do {
      return AuditResponse(try SQLiteDatabase.audit(folder: data, anchor: anchor))
    } catch {
      throw CommandFailure(.failed, error.message)
    }
  }
}
