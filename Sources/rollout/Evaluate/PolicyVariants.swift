import ArgumentParser
import Backends
import Experimentation
import Foundation
import OpenAIAPI
import PolicyLanguage
import Transformer

/// The models of a rollout as variants that can be measured: the incumbent is the reference.
struct PolicyVariants {
  let policy: RolloutPolicy
  let tokenizer: Tokenizer
  /// `nil` for a model that was not made to chat.
  let template: ChatTemplate?
  let reference: ModelVariant
  let candidates: [ModelVariant]

  /// Reads a rollout and its models, and loads their weights.
  ///
  /// - Parameters:
  ///   - path: a policy file, whose models are described beside it, or a folder of policies
  ///   - rollout: which one, where there are several
  ///   - weights: what stands for the weights of all documents; `nil` for theirs
  ///   - folder: where relative paths of weights are looked up
  /// - Throws: `CommandFailure` with every model that cannot be measured, and why; `ExitCode` for
  ///   mistakes in the policy, which are written out.
  init(
    path: String, rollout: RolloutName?, weights: String?, folder: String, engine: Engine
  ) throws {
    let documents = try PolicyDocuments(path: path)
    policy = try documents.rollout(rollout)
    let specifications = try documents.engineModels(of: policy)
    let models = EmbeddedModels(engine: engine, folder: folder)
    var parts: [EmbeddedBackend.Parts] = []
    for (name, specification) in specifications {
      var specification = specification
      if let weights {
        specification.weights = URL(filePath: weights).path(percentEncoded: false)
        specification.sha256 = nil
      }
      do throws(BackendError) {
        parts.append(try models.backend(for: name, specification).parts)
      } catch {
        throw CommandFailure(
          .usage, error.apiError.message,
          remedy: "'--models folder' says where weights lie, '--weights file' names others")
      }
    }
    let strangers = parts.filter { $0.digest != parts[0].digest }
      .map { "'\($0.variant.name)'" }
    guard strangers.isEmpty else {
      throw CommandFailure(
        .usage,
        "\(strangers.joined(separator: ", ")) has other weights than '\(policy.incumbent)': only "
          + "variants of one model are compared token by token")
    }
    (tokenizer, template) = (parts[0].tokenizer, parts[0].template)
    reference = parts[0].variant
    candidates = parts.dropFirst().map(\.variant)
  }
}

/// What stands at a path and beside it.
private struct PolicyDocuments {
  /// Of the path itself.
  private var rollouts: [RolloutPolicy] = []
  private var models: [ModelName: ModelSpecification] = [:]
  private let path: String

  /// What was named is checked as `rollout check` does, but that a file's models may stand beside
  /// it, or nowhere: the latter is said of the rollout that is asked for.
  ///
  /// - Throws: `ExitCode` for mistakes in what was named: nothing can be measured. Files beside it
  ///   may have some: they may be of another rollout.
  init(path: String) throws {
    self.path = path
    do throws(PolicyErrors) {
      let sources = try PolicyFiles.read([path])
      let isFolder = path != "-" && PolicyFiles.isFolder(path)
      let set = try PolicyParser.parse(
        sources, knownModels: isFolder ? [] : Self.models(namedIn: sources))
      for model in set.models { add(.model(model)) }
      for rollout in set.rollouts { add(.rollout(rollout)) }
    } catch {
      Output.writeError(ProblemText(style: .standardError).text(of: error.diagnostics))
      throw ExitCode(ExitStatus.usage.rawValue)
    }
    guard path != "-", !PolicyFiles.isFolder(path) else { return }
    let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
    for source in (try? PolicyFiles.read([folder])) ?? [] {
      if case .model(let model)? = try? PolicyParser.parse(source) { add(.model(model)) }
    }
  }

  private static func models(namedIn sources: [PolicySource]) -> Set<ModelName> {
    Set(
      sources.flatMap { source -> [ModelName] in
        guard case .rollout(let policy)? = try? PolicyParser.parse(source) else { return [] }
        return policy.models
      })
  }

  private mutating func add(_ document: PolicyDocument) {
    switch document {
    case .rollout(let policy): rollouts.append(policy)
    case .model(let model): if models[model.name] == nil { models[model.name] = model }
    }
  }

  func rollout(_ wanted: RolloutName?) throws(CommandFailure) -> RolloutPolicy {
    try rollouts.meant(by: wanted, in: path)
  }

  /// The incumbent and the candidates; all of them are run by the embedded engine.
  func engineModels(
    of policy: RolloutPolicy
  ) throws(CommandFailure) -> [(ModelName, EngineSpecification)] {
    var found: [(ModelName, EngineSpecification)] = []
    var reasons: [String] = []
    for name in [policy.incumbent] + policy.candidates {
      switch models[name]?.backend {
      case .engine(let specification): found.append((name, specification))
      case .upstream(let specification):
        reasons.append("model '\(name)' answers at \(specification.url), where its logits stay")
      case nil: reasons.append("no document in or beside \(path) describes model '\(name)'")
      }
    }
    guard reasons.isEmpty else {
      throw CommandFailure(
        .usage, "rollout '\(policy.name)' cannot be evaluated: " + reasons.joined(separator: "; "),
        remedy: "only models that this process runs (kind: Model with engine:) can be")
    }
    return found
  }
}
