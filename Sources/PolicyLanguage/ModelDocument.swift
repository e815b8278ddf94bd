import Experimentation

/// Reads a `kind: Model` document.
struct ModelDocument {
  private let reader: MappingReader<ModelKey>
  private let log: DiagnosticLog

  init?(_ root: PolicyNode, log: DiagnosticLog) {
    guard let reader = MappingReader<ModelKey>(root, log: log) else { return nil }
    self.reader = reader
    self.log = log
  }

  /// The name with its place, even when the rest has mistakes.
  func name() -> Placed<ModelName>? {
    reader[.name].flatMap { node in
      node.name("the model's name", log).map { Placed($0, at: node.position) }
    }
  }

  /// `nil` when a part is missing or was reported.
  func model(named name: ModelName?) -> ModelSpecification? {
    let backend: BackendSpecification?
    switch (reader[.engine], reader[.upstream]) {
    case (let engine?, nil): backend = self.engine(engine).map(BackendSpecification.engine)
    case (nil, let upstream?): backend = self.upstream(upstream).map(BackendSpecification.upstream)
    case (nil, nil):
      backend = nil
      // One that is misspelt or empty was reported.
      if !reader.hasAny(ModelKey.backends) {
        log.report(
          .oneOf, at: reader.position, "a model needs 'engine' or 'upstream'",
          hint: "'engine' runs in this process, 'upstream' is a server elsewhere")
      }
    case (.some, .some):
      backend = nil
      log.report(
        .oneOf, at: reader.position(of: .upstream), "a model has 'engine' or 'upstream', not both")
    }
    guard let name, let backend else { return nil }
    var model = ModelSpecification(name: name, backend: backend, digest: "")
    model.digest = Digest.hex(of: model.canonicalText)
    return model
  }
}

// MARK: - Engine

extension ModelDocument {
  private func engine(_ node: PolicyNode) -> EngineSpecification? {
    guard let reader = MappingReader<EngineKey>(node, log: log) else { return nil }
    let weights = reader[.weights].flatMap { Self.path($0, "the path of a GGUF file", log) }
    let sha256 = reader[.sha256].flatMap(sha256)
    let context = reader.integer(.context)
    let rope = reader[.rope].flatMap { RopeReader(log: log).rope($0) }
    let attention = reader[.attention].flatMap {
      AttentionReader(log: log, context: context).attention($0)
    }
    guard let weights, let attention else { return nil }
    return EngineSpecification(
      weights: weights, sha256: sha256, attention: attention, rope: rope, context: context)
  }

  /// The path of a file in the model folder, or an absolute one.
  static func path(_ node: PolicyNode, _ what: String, _ log: DiagnosticLog) -> String? {
    guard let path = node.text(what, log) else { return nil }
    if path.split(separator: "/").contains("..") {
      log.report(
        .invalidPath, at: node.position, "a path with '..' in it",
        hint: "name a file in the model folder, or write an absolute path")
      return nil
    }
    return path
  }

  private func sha256(_ node: PolicyNode) -> String? {
    guard let scalar = node.scalar("sha256", log) else { return nil }
    let text = scalar.text
    if WordShape.sha256.matches(text) { return text }
    log.report(
      .invalidSHA256, at: node.position, "sha256 must be 64 lower-case hexadecimal digits",
      suggestion: WordShape.sha256.matches(text.lowercased()) ? text.lowercased() : nil,
      hint: "'sha256sum FILE' prints it")
    return nil
  }
}

// MARK: - Upstream

extension ModelDocument {
  private func upstream(_ node: PolicyNode) -> UpstreamSpecification? {
    guard let reader = MappingReader<UpstreamKey>(node, log: log) else { return nil }
    let url = reader[.url].flatMap { UpstreamURL.read($0, log: log) }
    let model = reader[.model].flatMap { $0.text("the server's name of the model", log) }
    let key = reader[.apiKeyEnv].flatMap {
      $0.environmentName("apiKeyEnv", example: "CHAT_7B_KEY", log)
    }
    let timeouts = reader[.timeouts].flatMap(self.timeouts) ?? UpstreamTimeouts()
    let price = reader[.price].flatMap(self.price)
    let scoring = reader[.scoring].flatMap(self.scoring)
    guard let url, let model else { return nil }
    return UpstreamSpecification(
      url: url, model: model, apiKeyEnvironment: key, timeouts: timeouts, price: price,
      scoring: scoring)
  }

  private func scoring(_ node: PolicyNode) -> ScoringSpecification? {
    guard let reader = MappingReader<ScoringKey>(node, log: log) else { return nil }
    return reader.integer(.logprobs).map(ScoringSpecification.init)
  }

  private func price(_ node: PolicyNode) -> Price? {
    guard let reader = MappingReader<PriceKey>(node, log: log) else { return nil }
    let input = reader.number(.inputPerMillion)
    let output = reader.number(.outputPerMillion)
    let currency = reader[.currency].flatMap { self.currency($0) }
    guard let input, let output, let currency else { return nil }
    return Price(inputPerMillion: input, outputPerMillion: output, currency: currency)
  }

  private func currency(_ node: PolicyNode) -> String? {
    guard let text = node.text("a currency", log) else { return nil }
    guard WordShape.currency.matches(text) else {
      log.report(
        .wrongKind, at: node.position, "'\(text.clipped)' is no currency",
        hint: "write three capital letters, like USD")
      return nil
    }
    return text
  }

  private func timeouts(_ node: PolicyNode) -> UpstreamTimeouts? {
    guard let reader = MappingReader<TimeoutKey>(node, log: log) else { return nil }
    let usual = UpstreamTimeouts()
    let timeouts = UpstreamTimeouts(
      connectSeconds: reader.duration(.connect) ?? usual.connectSeconds,
      firstTokenSeconds: reader.duration(.firstToken) ?? usual.firstTokenSeconds,
      idleSeconds: reader.duration(.idle) ?? usual.idleSeconds,
      totalSeconds: reader.duration(.total) ?? usual.totalSeconds)
    let longest = max(timeouts.connectSeconds, timeouts.firstTokenSeconds, timeouts.idleSeconds)
    if longest > timeouts.totalSeconds {
      log.report(
        .timesOutOfOrder, at: reader.position(of: .total),
        "a timeout of \(PolicyNode.spelled(longest)) is longer than the total of "
          + PolicyNode.spelled(timeouts.totalSeconds))
    }
    return timeouts
  }
}
