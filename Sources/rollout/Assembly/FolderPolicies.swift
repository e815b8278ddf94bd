import Experimentation
import Foundation
import PolicyLanguage
import Promotion

/// The policies of a folder (or of one file), as a service that keeps to them applies them.
struct FolderPolicies: Sendable {
  let path: String
  let trust: PolicyTrust
  let controller: Controller
  let now: @Sendable () -> Int64

  /// Reads the files, checks who signed them, and makes what they say so.
  ///
  /// - Throws: `CommandFailure` for whatever keeps them from being in force; nothing has changed
  func apply(reason: String) async throws(CommandFailure) {
    let policies: PolicySet
    let state = await controller.status().state
    do {
      policies = try PolicyParser.parse(
        try PolicyFolder.sources(at: path), knownModels: Set(state.models.keys))
    } catch {
      throw CommandFailure(ExitStatus(error), "the policies have mistakes\n\(error)")
    }
    // What is in force asks for nothing: neither for a signature that has expired since, nor for a
    // revision above that of another set.
    if policies.isInForce(in: state) { return }
    let signature = try PolicySignatureFile.read(beside: [path])
    do {
      let seal = try trust.seal(of: policies, signature, now: now())
      let git = await commit()
      let origin = PolicyOrigin(digest: policies.digest, commit: git, seal: seal)
      _ = try await controller.perform(
        .apply(models: policies.models, rollouts: policies.rollouts, origin: origin),
        actor: "serve", reason: reason)
    } catch let refusal as CommandRefusal {
      throw CommandFailure(.refused, refusal.message, remedy: refusal.remedy)
    } catch let refusal as PolicyTrust.Refusal {
      throw CommandFailure(.refused, refusal.message, remedy: refusal.remedy)
    } catch {
      throw CommandFailure(.failed, "\(error)")
    }
  }

  /// Waits for git on a thread that may wait.
  private func commit() async -> GitCommit? {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async { [path] in
        continuation.resume(returning: GitRepository(path: path).head())
      }
    }
  }
}

extension PolicySet {
  /// Whether every document is the one that was applied last under its name.
  fileprivate func isInForce(in state: ServiceState) -> Bool {
    models.allSatisfy { state.models[$0.name]?.digest == $0.digest }
      && rollouts.allSatisfy { state.rollouts[$0.name]?.policy.digest == $0.digest }
  }
}
