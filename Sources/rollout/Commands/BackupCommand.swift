import ArgumentParser
import Console
import Foundation
import NIOCore
import SQLiteStorage
import Storage

/// `rollout backup`: a copy of what the service keeps, while it runs.
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Copy what the service keeps, while it runs.",
    discussion: """
      Makes a data folder that a service can be started with: the journal with every decision up \
      to now, the outcomes, and an anchor of the journal's own. The copy is verified like \
      `rollout audit verify` does before it gets its name. Keys for feedback are secrets and not \
      in it: copy feedback.key from the data folder, or tokens given out before count as forged.

      To restore, stop the service and start it with the copy: `rollout serve --data COPY`. What \
      was decided after the copy is lost; an anchor that is kept elsewhere (--anchor) knows it, \
      and refuses the copy until it is moved away.

      EXAMPLE:
        rollout backup /backups/rollout-$(date +%F)
      """)

  @Argument(help: ArgumentHelp("The folder to make.", valueName: "folder"))
  var folder: String

  @Flag(help: "Leave the outcomes out; gates begin again without evidence.")
  var withoutOutcomes = false

  @OptionGroup var control: ControlOptions

  /// What was copied, for programs.
  struct Report: Encodable {
    var folder: String
    var entries: Int64
    var head: String
    var journalBytes: Int
    /// `nil` when they were left out.
    var outcomeBytes: Int?
  }

  func run() async throws {
    let target = try target()
    // Under a name of its own until it is whole: nobody else's folder is touched, and of two that
    // make the same copy one gets the name.
    let part = "\(target).\(UUID().uuidString).part"
    let files = FileManager.default
    do {
      try files.createDirectory(
        atPath: part, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw CommandFailure(.failed, "'\(part)' cannot be made: \(error.localizedDescription)")
    }
    do {
      let report = try await control.withClient {
        try await copy(into: part, as: target, from: $0)
      }
      // Fails over whatever has come meanwhile, but for an empty folder.
      guard rename(part, target) == 0 else {
        let reason = errno
        if reason == ENOTEMPTY || reason == EEXIST || reason == ENOTDIR {
          throw Self.taken(target)
        }
        throw CommandFailure(
          .failed, "'\(target)' cannot be made: \(String(cString: strerror(reason)))")
      }
      try control.write(report, Self.text)
    } catch {
      try? files.removeItem(atPath: part)
      throw error
    }
  }

  /// The folder to make, without slashes behind.
  private func target() throws(CommandFailure) -> String {
    let target = String(folder.reversed().drop { $0 == "/" }.reversed())
    guard !target.isEmpty else {
      throw CommandFailure(.usage, "'\(folder)' is no name of a folder", remedy: "name a new one")
    }
    guard !FileManager.default.fileExists(atPath: target) else { throw Self.taken(target) }
    return target
  }

  private static func taken(_ target: String) -> CommandFailure {
    CommandFailure(.usage, "'\(target)' is there already", remedy: "name a new folder")
  }

  /// Outcomes first: see ``SQLiteDatabase/copy(_:)``.
  private func copy(
    into part: String, as target: String, from client: ControlClient
  ) async throws -> Report {
    var outcomeBytes: Int?
    if !withoutOutcomes {
      (outcomeBytes, _) = try await fetch(.outcomes, to: part + "/metrics.sqlite", from: client)
    }
    let (journalBytes, head) = try await fetch(
      .journal, to: part + "/control.sqlite", from: client)
    do {
      guard let head else {
        throw StorageError(.corrupt, "the service did not say where the copy of its journal ends")
      }
      try SQLiteDatabase.anchor(head, in: part)
      let audit = try SQLiteDatabase.audit(folder: part)
      guard audit.findings.isEmpty, audit.head == head else {
        throw StorageError(
          .corrupt, (["the copy is not what was written"] + audit.findings).joined(separator: "\n"))
      }
      return Report(
        folder: target, entries: head.sequence, head: head.hash, journalBytes: journalBytes,
        outcomeBytes: outcomeBytes)
    } catch let error as StorageError {
      throw CommandFailure(.failed, error.message)
    }
  }

  private func fetch(
    _ part: StorePart, to path: String, from client: ControlClient
  ) async throws -> (bytes: Int, head: JournalHead?) {
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let file = FileHandle(forWritingAtPath: path)
    else { throw CommandFailure(.failed, "'\(path)' cannot be written") }
    var bytes = 0
    let head = try await client.backup(part) { piece in
      bytes += piece.readableBytes
      do { try file.write(contentsOf: Data(piece.readableBytesView)) } catch {
        throw CommandFailure(.failed, "'\(path)' cannot be written: \(Self.reason(error))")
      }
    }
    do {
      try file.synchronize()
      try file.close()
    } catch {
      throw CommandFailure(.failed, "'\(path)' cannot be written: \(Self.reason(error))")
    }
    return (bytes, head)
  }

  /// What the system says, which Foundation hides.
  private static func reason(_ error: any Error) -> String {
    let inner = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
    guard inner.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
    return String(cString: strerror(CInt(inner.code)))
  }

  private static func text(_ report: Report, _ style: Style) -> String {
    let outcomes = report.outcomeBytes.map { "outcomes of \(Numbers.bytes($0))" } ?? "no outcomes"
    return """
      \(style.paint("copied and verified", .green)): \(Numbers.count(Int(report.entries))) \
      entries (\(Numbers.bytes(report.journalBytes))), \(outcomes) in \(report.folder)
      head \(report.head)

      """
  }
}
