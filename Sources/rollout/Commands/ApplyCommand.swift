import ArgumentParser
import Console
import Experimentation
import Foundation
import PolicyLanguage

/// `rollout apply`: makes what policy files say so.
struct ApplyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Make what policy files say so.",
    discussion: """
      Sends the files to the service, which checks them again. What is in force already changes \
      nothing. A policy written against an incumbent that is no longer live, or for a route on \
      which another rollout is live, is refused with the way to mend it; 'onNewRevision' in the \
      policy has it take the other's place, or wait for its end.

      EXAMPLE:
        rollout apply policies/ --reason "flash attention, third try"
        rollout apply policies/ --dry-run
      """)

  @Argument(help: "Policy files and folders.", completion: .file())
  var paths: [String]

  @OptionGroup var signature: SignatureOptions

  @Option(
    help: ArgumentHelp(
      "A signature over the files (`rollout sign`); else policies.signature in the folder, if it "
        + "is there.", valueName: "file"), completion: .file())
  var signatureFile: String?

  @Option(
    help: ArgumentHelp(
      "The commit that the files are from, for the journal; else GITHUB_SHA, CI_COMMIT_SHA, or "
        + "what git has checked out.", valueName: "hash"))
  var commit: String?

  @Flag(help: "Only say what would change.")
  var dryRun = false

  @OptionGroup var control: ControlOptions

  func run() async throws {
    let request = ApplyRequest(
      files: try files(), actor: signature.signer, reason: signature.reason,
      commit: try origin(), signature: try seal(), dryRun: dryRun)
    let answer = try await control.withClient { try await $0.apply(request) }
    try control.write(answer) { ApplyText(style: $1).text(of: $0) }
  }

  private func seal() throws(CommandFailure) -> PolicySignature? {
    if let signatureFile { return try PolicySignatureFile.read(signatureFile) }
    return try PolicySignatureFile.read(beside: paths)
  }

  /// What the journal will say the files are from; nothing where nobody knows.
  private func origin() throws(CommandFailure) -> GitCommit? {
    if let commit {
      guard let known = GitCommit(hash: commit.lowercased()) else {
        throw CommandFailure(.usage, "--commit \(commit) is no hash of a commit")
      }
      return known
    }
    let environment = ProcessInfo.processInfo.environment
    let checkedOut = paths.first { $0 != "-" }.flatMap { GitRepository(path: $0).head() }
    for name in ["GITHUB_SHA", "CI_COMMIT_SHA"] {
      guard let hash = environment[name] else { continue }
      return GitCommit(hash: hash, isDirty: checkedOut?.isDirty ?? false)
    }
    return checkedOut
  }

  private func files() throws(CommandFailure) -> [ApplyRequest.File] {
    do {
      return try PolicyFiles.read(paths).map { ApplyRequest.File(file: $0.file, text: $0.text) }
    } catch {
      var failure = CommandFailure(
        ErrorResponse.Problem(
          .policyRefused, "the files cannot be read", diagnostics: error.diagnostics))
      failure.status = ExitStatus(error)
      failure.isJSON = control.json
      throw failure
    }
  }
}
