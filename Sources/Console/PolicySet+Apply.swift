import Experimentation
import PolicyLanguage

extension PolicySet {
  /// What the files of a request say, or every mistake in them.
  ///
  /// - Parameter state: knows the models that the files may name without holding them
  init(
    of files: [ApplyRequest.File], in state: ServiceState
  ) throws(ErrorResponse.Problem) {
    guard (1...ApplyRequest.maximumFiles).contains(files.count) else {
      throw ErrorResponse.Problem(
        .invalid, "'files' has \(files.count) files; 1 to \(ApplyRequest.maximumFiles) are read",
        remedy: "name the policy files or their folder")
    }
    do {
      self = try PolicyParser.parse(
        files.map { PolicySource(file: $0.file, text: $0.text) },
        knownModels: Set(state.models.keys))
    } catch {
      let count = error.diagnostics.count { $0.severity == .error }
      throw ErrorResponse.Problem(
        .policyRefused, "the policy has \(count == 1 ? "a mistake" : "\(count) mistakes")",
        remedy: "mend what the diagnostics name; rollout check finds the same without a service",
        diagnostics: error.diagnostics)
    }
  }

  /// What each document would change in `state`.
  func changes(to state: ServiceState) -> [ApplyResponse.Change] {
    models.map { model in
      ApplyResponse.Change(
        kind: .model, name: model.name.text,
        effect: Self.effect(of: model.digest, on: state.models[model.name]?.digest))
    }
      + rollouts.map { policy in
        ApplyResponse.Change(
          kind: .rollout, name: policy.name.text,
          effect: Self.effect(
            of: policy.digest,
            on: (state.queued(policy.name) ?? state.rollouts[policy.name])?.policy.digest))
      }
  }

  private static func effect(
    of digest: String, on known: String?
  ) -> ApplyResponse.Change.Effect {
    switch known {
    case nil: .added
    case digest: .unchanged
    case .some: .changed
    }
  }
}
