import Experimentation

/// What must be true of files that are read together.
struct PolicySetRules {
  var documents: [ReadDocument]
  var knownModels: Set<ModelName>

  func check() {
    checkNames()
    checkModels()
    checkLayers()
    checkCalls()
    warnOfScoring()
  }

  /// Rollouts that name one layer have no units in common, and mean the same by a unit.
  private func checkLayers() {
    var known: [(policy: RolloutPolicy, layer: LayerRange, file: String)] = []
    for document in documents {
      guard case .rollout(let policy) = document.document, let layer = policy.assignment.layer,
        let position = document.references.assignment
      else { continue }
      for other in known where other.layer.name == layer.name {
        if other.policy.assignment.unit != policy.assignment.unit {
          document.log.report(
            .layerUnits, at: position,
            "layer '\(layer.name)' is of another unit in \(other.file)",
            hint: "'\(other.policy.name)' has \(other.policy.assignment.unit.canonicalText)s in it")
        } else if other.layer.overlap(with: layer) > 0 {
          document.log.report(
            .layerOverlap, at: position,
            "\(layer) is taken in part in \(other.file)",
            hint: "'\(other.policy.name)' has \(other.layer.range)")
        }
      }
      known.append((policy, layer, document.log.file))
    }
  }

  /// Names of models, names of rollouts and routes are used once each.
  private func checkNames() {
    var models: [ModelName: ReadDocument] = [:]
    var rollouts: [RolloutName: ReadDocument] = [:]
    var routes: [RouteName: ReadDocument] = [:]
    for document in documents {
      refuseSecond(document.modelName, in: document, &models) { .init(.duplicateName, "model", $0) }
      refuseSecond(document.references.name, in: document, &rollouts) {
        .init(.duplicateName, "rollout", $0)
      }
      refuseSecond(document.references.route, in: document, &routes) {
        .init(.routeTaken, "route", $0)
      }
    }
  }

  private struct Clash {
    var code: DiagnosticCode
    var subject: String

    init(_ code: DiagnosticCode, _ kind: String, _ name: String) {
      self.code = code
      subject = "\(kind) '\(name)'"
    }
  }

  private func refuseSecond<Kind>(
    _ name: Placed<Name<Kind>>?, in document: ReadDocument,
    _ owners: inout [Name<Kind>: ReadDocument], clash: (String) -> Clash
  ) {
    guard let name else { return }
    guard let owner = owners[name.value] else {
      owners[name.value] = document
      return
    }
    let clash = clash(name.value.text)
    document.log.report(
      clash.code, at: name.position, "\(clash.subject) is in \(owner.log.file) already")
  }

  private func checkModels() {
    let known = knownModels.union(documents.compactMap { $0.modelName?.value })
    let names = known.map(\.text).sorted()
    for document in documents {
      for model in document.references.models where !known.contains(model.value) {
        let suggestion = NearestName.suggestion(for: model.value.text, among: names)
        document.log.report(
          .unknownModel, at: model.position, "no model is named '\(model.value)'",
          suggestion: suggestion,
          hint: suggestion == nil ? "add a document 'kind: Model' with that name" : nil)
      }
    }
  }

  /// Models in this process are offered no tools, so that a gate on what they call has no value, or
  /// one that is 0 whatever they say.
  private func checkCalls() {
    var engines: Set<ModelName> = []
    for case .model(let model) in documents.compactMap(\.document) {
      if case .engine = model.backend { engines.insert(model.name) }
    }
    for document in documents {
      guard case .rollout(let policy) = document.document,
        let gate = policy.metrics.first(where: \.isOfCalls)
      else { continue }
      let arms = [document.references.incumbent].compactMap(\.self) + document.references.candidates
      for arm in arms where engines.contains(arm.value) {
        document.log.report(
          .unmeasurableGate, at: arm.position,
          "'\(arm.value)' runs in this process and is offered no tools, so that '\(gate.name)' "
            + "says nothing of it",
          hint: "function calls need models behind servers; leave the metric out")
      }
    }
  }

  /// Token agreement and divergence need two models that can score a given text: those of this
  /// process, and servers whose documents say so.
  private func warnOfScoring() {
    var servers: Set<ModelName> = []
    for case .model(let model) in documents.compactMap(\.document) {
      if case .upstream(let upstream) = model.backend, upstream.scoring == nil {
        servers.insert(model.name)
      }
    }
    for document in documents {
      guard case .rollout(let policy) = document.document,
        let metric = policy.metrics.map(\.metric).first(where: {
          $0 == .tokenAgreement || $0.isOfDistributions
        })
      else { continue }
      let references = document.references
      let pair = (references.incumbent.map { [$0] } ?? []) + references.candidates
      for model in pair where servers.contains(model.value) {
        document.log.report(
          .mayNotScore, at: model.position,
          "'\(model.value)' is behind a server, and its document has no 'scoring'",
          hint: "then \(metric.rawValue) has no data; add 'scoring' if the server tells "
            + "'prompt_logprobs', or use prefixAgreement, which needs no scores",
          severity: .warning)
      }
    }
  }
}

extension MetricGate {
  /// Whether something hangs on what the models call.
  fileprivate var isOfCalls: Bool {
    metric == .callEquality || (check?.rule.needsTools == true && role.isRequired)
  }
}
