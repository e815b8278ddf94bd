import ArgumentParser
import Console
import Experimentation
import Foundation
import PolicyLanguage

/// `rollout sign`: somebody's word for a set of policies.
struct SignCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sign",
    abstract: "Sign policies, so that a service takes them from you alone.",
    discussion: """
      Signs what the files mean, document by document: comments and layout may change afterwards, \
      nothing else. The signature lies beside the files of a folder as policies.signature, where \
      `rollout apply` and `rollout serve --policies` find it. Its revision must grow from set to \
      set, since a service refuses one that is older than the newest it has seen; by default it is \
      the present time in seconds. It expires.

      With --audience it is good for the service that was started with that --audience, and for no \
      other. Who signs a set of documents beside others' gives it a name with --set: its revisions \
      are counted alone, and change nothing that another set has changed under a newer one.

      EXAMPLES:
        rollout sign policies/ --key release.pem --expires 30d
        rollout sign policies/ --key release.pem --audience production
        rollout sign search/ --key search.pem --audience production --set search
      """)

  @Argument(help: "Policy files and folders: all that will be applied together.")
  var paths: [String] = ["policies"]

  @Option(help: ArgumentHelp("The secret half of a key.", valueName: "file"), completion: .file())
  var key: String

  @Option(help: "Higher than that of every set before; else the present time in seconds.")
  var revision: Int?

  @Option(
    help: ArgumentHelp(
      "The service that it is for, as `rollout serve --audience` names it.", valueName: "name"))
  var audience: String?

  @Option(
    help: ArgumentHelp(
      "What the set is called, where several sign for one service.", valueName: "name"))
  var set: String?

  @Option(help: ArgumentHelp("How long it is good for: 12h, 30d.", valueName: "duration"))
  var expires = "90d"

  @Option(
    help: ArgumentHelp(
      "Where to write it; else policies.signature in the folder that is signed.", valueName: "file")
  )
  var out: String?

  func validate() throws {
    if let revision, !PolicySignature.revisions.contains(revision) {
      throw ValidationError("--revision is in 1...\(PolicySignature.revisions.upperBound).")
    }
    for (option, name) in [("audience", audience), ("set", set)] {
      guard let name, Name<PolicySignature>(name) == nil else { continue }
      throw ValidationError("--\(option) is a name: 1 to 63 of a-z, 0-9, '.', '_' and '-'.")
    }
    if seconds == nil {
      throw ValidationError("--expires is a number with s, m, h or d, up to 3660d: 30d.")
    }
  }

  func run() throws {
    let policies: PolicySet
    do { policies = try PolicyParser.parse(try PolicyFiles.read(paths)) } catch {
      throw CommandFailure(
        ExitStatus(error), "what has mistakes is not signed\n\(error)",
        remedy: "mend them: rollout check \(paths.joined(separator: " "))")
    }
    guard let text = try? String(contentsOfFile: key, encoding: .utf8),
      let signer = PolicySigningKey(pem: text)
    else {
      throw CommandFailure(
        .usage, "\(key) is no Ed25519 private key in PEM", remedy: "make one: rollout keygen NAME")
    }
    let now = Date().timeIntervalSince1970
    let signature = try PolicySignature(
      of: policies, by: signer, for: audience, as: set, revision: revision ?? Int(now),
      expiresAtMilliseconds: Int64((now + (seconds ?? 0)) * 1_000))
    let path = try out ?? place()
    try Output.json(signature).write(toFile: path, atomically: true, encoding: .utf8)
    Output.write(
      "\(path): \(signature.documents.count) documents as revision \(signature.revision), by key "
        + "\(signature.key), until \(signature.expires)"
        + (audience.map { ", for '\($0)'" } ?? "") + "\n")
  }

  private func place() throws(CommandFailure) -> String {
    guard paths.count == 1, let folder = paths.first, PolicyFiles.isFolder(folder) else {
      throw CommandFailure(.usage, "files of no one folder are signed", remedy: "say --out FILE")
    }
    return PolicySignatureFile.path(in: folder)
  }

  private var seconds: Double? {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
    guard let unit = expires.last.flatMap({ units[$0] }), let number = Double(expires.dropLast()),
      number > 0, number * unit <= 3_660 * 86_400
    else { return nil }
    return number * unit
  }
}

/// The signature beside the policies of a folder.
enum PolicySignatureFile {
  static func path(in folder: String) -> String {
    (folder.hasSuffix("/") ? folder : folder + "/") + PolicySignature.fileName
  }

  /// The signature of one folder, if it has one; `nil` for files and several folders.
  static func read(beside paths: [String]) throws(CommandFailure) -> PolicySignature? {
    guard paths.count == 1, let folder = paths.first, PolicyFiles.isFolder(folder) else {
      return nil
    }
    let path = path(in: folder)
    // A link that leads nowhere is a signature that cannot be read, not none.
    let isThere = (try? FileManager.default.attributesOfItem(atPath: path)) != nil
    return isThere ? try read(path) : nil
  }

  static func read(_ path: String) throws(CommandFailure) -> PolicySignature {
    // Opening a pipe would wait for whoever writes into it.
    let target = URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false)
    let facts = try? FileManager.default.attributesOfItem(atPath: target)
    guard facts?[.type] as? FileAttributeType == .typeRegular,
      let handle = FileHandle(forReadingAtPath: path),
      let data = try? handle.read(upToCount: PolicySignature.maximumBytes + 1),
      data.count <= PolicySignature.maximumBytes,
      let signature = try? JSONDecoder().decode(PolicySignature.self, from: data)
    else {
      throw CommandFailure(
        .usage, "\(path) is no signature of policies", remedy: "make one: rollout sign")
    }
    return signature
  }
}
