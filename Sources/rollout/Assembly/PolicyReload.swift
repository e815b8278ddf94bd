import Foundation
import Logging
import PolicyLanguage
import Promotion
import ServiceLifecycle

/// Keeps a service as the policies of a folder say, while it runs.
///
/// Looks at the folder every two seconds, which works on every file system, mounted volumes and
/// their links among them. What has changed is read whole and applied as `rollout apply` would; a
/// file with a mistake, or a policy that is refused, leaves everything as it was and shows in the
/// health until it is mended. A request is routed by one table, so by the policies of one moment.
struct PolicyReload: Service {
  let policies: FolderPolicies
  let logger: Logger
  /// As the start left it.
  let schedule: ReloadSchedule

  static let interval = Duration.seconds(2)

  func run() async throws {
    try? await cancelWhenGracefulShutdown {
      var schedule = schedule
      while !Task.isCancelled {
        try await Task.sleep(for: Self.interval)
        let now = FolderFingerprint(policies.path)
        guard schedule.look(now) else { continue }
        schedule.note(now, isInForce: await apply())
      }
    }
  }

  private func apply() async -> Bool {
    do {
      try await policies.apply(reason: "\(policies.path) changed")
      await policies.controller.report(policies: nil)
      logger.info("policies applied", metadata: ["folder": "\(policies.path)"])
      return true
    } catch {
      await policies.controller.report(policies: Self.problem(error, at: policies.path))
      return false
    }
  }

  /// What the health says of policies that are not in force.
  static func problem(_ failure: CommandFailure, at path: String) -> String {
    let remedy = failure.remedy.map { "; \($0)" } ?? ""
    return "the policies at '\(path)' are not in force, what was before is: \(failure.message)"
      + remedy
  }
}

/// When a folder is read again: decided from what its files look like alone.
struct ReloadSchedule: Sendable {
  /// Looks after which a set that was refused is tried again although no file changed: what it
  /// was refused for may be over.
  static let looksToRetry = 15

  private var seen: FolderFingerprint
  /// What the files were like when they were applied last, and whether they came into force.
  private var tried: (FolderFingerprint, isInForce: Bool)
  private var looks = 0

  init(start: FolderFingerprint, isInForce: Bool) {
    seen = start
    tried = (start, isInForce)
  }

  /// Whether the folder, which looks like `now`, is to be applied.
  ///
  /// A file that is being written is left alone until two looks see the same.
  mutating func look(_ now: FolderFingerprint) -> Bool {
    let isSettled = now == seen
    seen = now
    guard isSettled else { return false }
    if now != tried.0 { return true }
    guard !tried.isInForce else { return false }
    looks += 1
    return looks >= Self.looksToRetry
  }

  mutating func note(_ now: FolderFingerprint, isInForce: Bool) {
    tried = (now, isInForce)
    looks = 0
  }
}

/// What stands in the policy files of a folder: enough to see that one has changed.
///
/// By contents, not by time and size, which a rewrite in place may leave as they were. A look reads
/// at most 258 files of 256 KiB, and usually a few kilobytes.
struct FolderFingerprint: Hashable, Sendable {
  /// `nil` for what cannot be read.
  private var digests: [String: String?] = [:]

  /// - Parameter path: a folder, or one file; one that is not there has no files
  init(_ path: String) {
    let names: [String]
    if PolicyFiles.isFolder(path) {
      names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [])
        .filter { name in
          name == PolicySignature.fileName
            || !name.hasPrefix(".") && (name.hasSuffix(".yaml") || name.hasSuffix(".yml"))
        }
        .map { "\(path)/\($0)" }
    } else {
      names = [path]
    }
    for name in names.sorted().prefix(PolicyFolder.maximumFiles + 2) {
      digests.updateValue(PolicyFolder.digest(ofFileAt: name), forKey: name)
    }
  }
}
