package import Experimentation
import Foundation
import OpenAIAPI
import Synchronization
package import Transformer

/// The weights that this process holds, one copy of each file for all variants of it.
package final class EmbeddedModels: Sendable {
  /// A file that was loaded: what its variants share.
  struct Loaded: Sendable {
    let weights: Weights
    let tokenizer: Tokenizer
    /// `nil` for a model that was not made to chat.
    let template: ChatTemplate?
    /// SHA-256 of the file, or of a checkpoint's files one after the other, lower-case hex; tells
    /// vocabularies apart.
    let digest: String
    /// For answers that must have a form.
    let tokenIndex: LazyTokenIndex
  }

  private let engine: Engine
  private let folder: String
  private let loaded = Mutex<[String: Loaded]>([:])

  /// - Parameter folder: where relative paths of weights are looked up
  package init(engine: Engine, folder: String) {
    self.engine = engine
    self.folder = folder
  }

  /// Makes a model of the policy ready to answer; loads its weights unless a variant of the same
  /// file did. Takes as long as reading the file: not for the tasks that serve.
  ///
  /// - Throws: `unavailable` with what, where and how to mend it.
  package func backend(
    for model: ModelName, _ specification: EngineSpecification
  ) throws(BackendError) -> EmbeddedBackend {
    let file = try load(specification, for: model)
    do {
      let variant = try ModelVariant(
        name: model.text, weights: file.weights,
        attention: try attention(specification.attention, of: file),
        rotary: RotaryTables(
          file.weights.parameters, scaling: RotaryScaling(specification.rope)),
        contextLength: specification.context)
      return EmbeddedBackend(model: model, engine: engine, variant: variant, file: file)
    } catch {
      throw Self.unusable(model, error.message)
    }
  }

  private func path(of file: String) -> String {
    file.hasPrefix("/") ? file : "\(folder)/\(file)"
  }

  /// - Throws: `invalidRequest` for parameters without meaning and for a gate of other weights;
  ///   what reading a gate throws.
  private func attention(
    _ specification: AttentionSpecification, of file: Loaded
  ) throws(TransformerError) -> AttentionKind {
    guard case .gated(let path, let keys, let window, let sinks, let denseLayers) = specification
    else { return try AttentionKind(specification) }
    let gate = try GateFile.read(path: self.path(of: path))
    try gate.check(digest: file.digest)
    return .gated(
      try Gated(gate, keys: keys, window: window, sinks: sinks, denseLayers: denseLayers))
  }

  private func load(
    _ specification: EngineSpecification, for model: ModelName
  ) throws(BackendError) -> Loaded {
    let path = path(of: specification.weights)
    if let known = loaded.withLock({ $0[path] }) {
      try check(known.digest, specification, model)
      return known
    }
    let new: Loaded
    do { new = try read(path) } catch {
      let remedy =
        error.code == .unreadableFile
        ? " Put the file there, or run `make model` for the one of the demo." : ""
      throw Self.unusable(model, error.message + remedy)
    }
    // Before it is kept: when the right file comes, a wrong one must not stand in its way.
    try check(new.digest, specification, model)
    return loaded.withLock { loaded in
      // Another task may have been faster; then its copy stays and this one goes.
      let kept = loaded[path] ?? new
      loaded[path] = kept
      return kept
    }
  }

  private func read(_ path: String) throws(TransformerError) -> Loaded {
    let source = try WeightSource.open(path: path)
    let tokenizer = try Tokenizer(source.description)
    let digest = try WeightDigest.hex(of: source.files)
    // Ends with a check that the files are still those that were opened and hashed.
    let weights = try source.weights(threads: engine.configuration.threads)
    return Loaded(
      weights: weights, tokenizer: tokenizer,
      template: try Self.template(source.description, tokenizer, path), digest: digest,
      tokenIndex: LazyTokenIndex(tokenizer))
  }

  private func check(
    _ digest: String, _ specification: EngineSpecification, _ model: ModelName
  ) throws(BackendError) {
    guard let expected = specification.sha256, expected != digest else { return }
    throw Self.unusable(
      model,
      "'\(path(of: specification.weights))' has the SHA-256 \(digest), the policy asks for "
        + "\(expected): fetch the right file, or correct the policy.")
  }

  /// A model without a chat template can still complete text; one with a template that is not
  /// understood must not be run with another.
  private static func template(
    _ file: GGUFFile, _ tokenizer: Tokenizer, _ path: String
  ) throws(TransformerError) -> ChatTemplate? {
    guard file.metadata["tokenizer.chat_template"] != nil else { return nil }
    do { return try ChatTemplate(file, tokenizer: tokenizer) } catch {
      throw TransformerError(error.code, "'\(path)': \(error.message)")
    }
  }

  private static func unusable(_ model: ModelName, _ message: String) -> BackendError {
    BackendError(.unavailable, .unavailable("Model '\(model)' cannot be run: \(message)"))
  }
}

extension AttentionKind {
  /// - Throws: `invalidRequest` for parameters without meaning.
  fileprivate init(_ specification: AttentionSpecification) throws(TransformerError) {
    switch specification {
    case .dense: self = .dense
    case .flash: self = .flash
    case .gated:
      throw TransformerError(.invalidRequest, "gated attention without its gate")
    case .slidingWindow(let window, let sinks): self = .slidingWindow(window: window, sinks: sinks)
    case .blockSparse(let selection, let blockSize, let keys, let denseLayers):
      self = .blockSparse(
        try BlockSparse(
          selection == .quest ? .quest : .moba, blockSize: blockSize, keys: keys,
          denseLayers: denseLayers))
    case .hybrid(
      let selection, let blockSize, let keys, let window, let sinks, let denseLayers):
      self = .hybrid(
        try Hybrid(
          selection == .quest ? .quest : .means, blockSize: blockSize, keys: keys, window: window,
          sinks: sinks, denseLayers: denseLayers))
    }
  }
}

extension RotaryScaling {
  fileprivate init(_ specification: RopeSpecification?) {
    guard let specification else {
      self = .none
      return
    }
    self =
      switch specification.scaling {
      case .linear: .linear(factor: specification.factor)
      case .ntk: .ntk(factor: specification.factor)
      case .dynamicNTK: .dynamicNTK(factor: specification.factor)
      case .yarn: .yarn(factor: specification.factor)
      }
  }
}
