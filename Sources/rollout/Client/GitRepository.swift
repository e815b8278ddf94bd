import Experimentation
import Foundation
import PolicyLanguage

/// What git knows of files: read with the `git` that is installed, never changed.
struct GitRepository {
  /// Why git could not say; in a sentence.
  struct Problem: Error { var message: String }

  /// A file or folder of the working tree; the repository is the one it lies in.
  let path: String

  private static let maximumBytes = 64 << 20

  /// The commit that is checked out, and whether `path` differs from it; `nil` outside of a
  /// repository and without git.
  func head() -> GitCommit? {
    guard let text = try? run(["rev-parse", "--verify", "HEAD"]) else { return nil }
    let changes = try? run(["status", "--porcelain", "--", name])
    return GitCommit(
      hash: text.trimmingCharacters(in: .whitespacesAndNewlines),
      isDirty: changes.map { !$0.isEmpty } ?? true)
  }

  /// The policy files that `path` had at `reference`, by the names they have now.
  ///
  /// - Returns: none, where `path` was not there
  func policies(at reference: String) throws(Problem) -> [PolicySource] {
    // Anything else that begins so would be an option.
    guard !reference.hasPrefix("-") else {
      throw Problem(message: "'\(reference)' is no reference")
    }
    let commit = try run(["rev-parse", "--verify", "\(reference)^{commit}"])
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let prefix = try run(["rev-parse", "--show-prefix"]).trimmingCharacters(in: .newlines)
    let place = name == "." ? String(prefix.dropLast(prefix.hasSuffix("/") ? 1 : 0)) : prefix + name
    let kind = (try? run(["cat-file", "-t", "\(commit):\(place)"]))?
      .trimmingCharacters(in: .whitespacesAndNewlines)
    switch kind {
    case "blob":
      return [PolicySource(file: path, text: try run(["cat-file", "blob", "\(commit):\(place)"]))]
    case "tree":
      let names = try run(["ls-tree", "--full-tree", "--name-only", "-z", "\(commit):\(place)"])
        .split(separator: "\0").map(String.init)
        .filter { !$0.hasPrefix(".") && ($0.hasSuffix(".yaml") || $0.hasSuffix(".yml")) }.sorted()
      guard names.count <= PolicyFolder.maximumFiles else {
        throw Problem(message: "'\(path)' has \(names.count) policies at \(reference)")
      }
      let folder = path.hasSuffix("/") ? path : path + "/"
      return try names.map { file throws(Problem) in
        let blob = place.isEmpty ? file : "\(place)/\(file)"
        return PolicySource(
          file: folder + file, text: try run(["cat-file", "blob", "\(commit):\(blob)"]))
      }
    default: return []
    }
  }

  private var isFolder: Bool { PolicyFiles.isFolder(path) }

  /// What git is asked about, seen from ``folder``.
  private var name: String { isFolder ? "." : URL(filePath: path).lastPathComponent }

  /// Where git runs.
  private var folder: URL {
    let url = URL(filePath: path)
    return isFolder ? url : url.deletingLastPathComponent()
  }

  private func run(_ arguments: [String]) throws(Problem) -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["git"] + arguments
    process.currentDirectoryURL = folder
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    do { try process.run() } catch { throw Problem(message: "git cannot be run: \(error)") }
    let data = (try? output.fileHandleForReading.read(upToCount: Self.maximumBytes + 1)) ?? Data()
    if data.count > Self.maximumBytes { process.terminate() }
    let said = (try? errors.fileHandleForReading.read(upToCount: 4_096)) ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0, data.count <= Self.maximumBytes else {
      let reason = String(decoding: said, as: UTF8.self).split(separator: "\n").first
      throw Problem(message: reason.map(String.init) ?? "git \(arguments.first ?? "") failed")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw Problem(message: "what git has is not UTF-8")
    }
    return text
  }
}
