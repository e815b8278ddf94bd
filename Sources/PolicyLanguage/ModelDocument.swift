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
      if !reader.hasAny([.engine, .upstream]) {
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
  static let maximumContext = 1_048_576

  private func engine(_ node: PolicyNode) -> EngineSpecification? {
    guard let reader = MappingReader<EngineKey>(node, log: log) else { return nil }
    let weights = reader[.weights].flatMap { Self.path($0, "the path of a GGUF file", log) }
    let sha256 = reader[.sha256].flatMap(sha256)
    let context = reader[.context].flatMap {
      $0.integer("context", in: 16...Self.maximumContext, log)
    }
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
    let isHex = text.utf8.count == 64 && text.allSatisfy { $0.isASCII && $0.isHexDigit }
    if isHex, text == text.lowercased() { return text }
    log.report(
      .invalidSHA256, at: node.position, "sha256 must be 64 lower-case hexadecimal digits",
      suggestion: isHex ? text.lowercased() : nil, hint: "'sha256sum FILE' prints it")
    return nil
  }
}

// MARK: - Upstream

extension ModelDocument {
  private func upstream(_ node: PolicyNode) -> UpstreamSpecification? {
    guard let reader = MappingReader<UpstreamKey>(node, log: log) else { return nil }
    let url = reader[.url].flatMap { UpstreamURL.read($0, log: log) }
    let model = reader[.model].flatMap { $0.text("the server's name of the model", log) }
    let key = reader[.apiKeyEnv].flatMap(environmentName)
    let timeouts = reader[.timeouts].flatMap(self.timeouts) ?? UpstreamTimeouts()
    let price = reader[.price].flatMap(self.price)
    guard let url, let model else { return nil }
    return UpstreamSpecification(
      url: url, model: model, apiKeyEnvironment: key, timeouts: timeouts, price: price)
  }

  /// The most that a million tokens may cost: more is a slip of a power of ten.
  private static let maximumPrice = 100_000.0

  private func price(_ node: PolicyNode) -> Price? {
    guard let reader = MappingReader<PriceKey>(node, log: log) else { return nil }
    let input = reader[.inputPerMillion].flatMap { amount(.inputPerMillion, $0) }
    let output = reader[.outputPerMillion].flatMap { amount(.outputPerMillion, $0) }
    let currency = reader[.currency].flatMap { self.currency($0) }
    guard let input, let output, let currency else { return nil }
    return Price(inputPerMillion: input, outputPerMillion: output, currency: currency)
  }

  private func amount(_ key: PriceKey, _ node: PolicyNode) -> Double? {
    guard let amount = node.number("a price", log)?.value else { return nil }
    guard (0...Self.maximumPrice).contains(amount) else {
      log.report(
        .outOfRange, at: node.position,
        "\(key.rawValue) must be from 0 to \(Int(Self.maximumPrice))")
      return nil
    }
    return amount
  }

  private func currency(_ node: PolicyNode) -> String? {
    guard let text = node.text("a currency", log) else { return nil }
    let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
    guard text.utf8.count == 3, text.utf8.allSatisfy(capitals.contains) else {
      log.report(
        .wrongKind, at: node.position, "'\(text.clipped)' is no currency",
        hint: "write three capital letters, like USD")
      return nil
    }
    return text
  }

  private func timeouts(_ node: PolicyNode) -> UpstreamTimeouts? {
    guard let reader = MappingReader<TimeoutKey>(node, log: log) else { return nil }
    func seconds(_ key: TimeoutKey, default seconds: Double) -> Double {
      reader[key].flatMap { $0.duration(key.rawValue, in: 0.001...3_600, log) } ?? seconds
    }
    let usual = UpstreamTimeouts()
    let timeouts = UpstreamTimeouts(
      connectSeconds: seconds(.connect, default: usual.connectSeconds),
      firstTokenSeconds: seconds(.firstToken, default: usual.firstTokenSeconds),
      idleSeconds: seconds(.idle, default: usual.idleSeconds),
      totalSeconds: seconds(.total, default: usual.totalSeconds))
    let longest = max(timeouts.connectSeconds, timeouts.firstTokenSeconds, timeouts.idleSeconds)
    if longest > timeouts.totalSeconds {
      log.report(
        .timesOutOfOrder, at: reader.position(of: .total),
        "a timeout of \(PolicyNode.spelled(longest)) is longer than the total of "
          + PolicyNode.spelled(timeouts.totalSeconds))
    }
    return timeouts
  }

  /// The name of a variable. What looks like a key itself is neither accepted nor repeated.
  private func environmentName(_ node: PolicyNode) -> String? {
    guard let scalar = node.scalar("the name of an environment variable", log) else { return nil }
    let text = scalar.text
    let isName =
      text.utf8.count <= 128 && text.first?.isASCIIDigit == false
      && text.utf8.allSatisfy { byte in
        byte == UInt8(ascii: "_") || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      }
    if Self.looksSecret(text) {
      log.report(
        .secretInPolicy, at: node.position, "apiKeyEnv looks like a key, not like a name",
        hint:
          "put the key into the environment, write the variable's name here, and replace the key",
        showsLine: false)
    } else if isName {
      return text
    } else {
      // The line is not shown: what is no name may be a key of a kind not known here.
      log.report(
        .invalidEnvironmentName, at: node.position,
        "apiKeyEnv must be the name of an environment variable", hint: "write it like CHAT_7B_KEY",
        showsLine: false)
    }
    return nil
  }

  private static func looksSecret(_ text: String) -> Bool {
    let prefixes = ["sk-", "sk_", "pk-", "hf_", "ghp_", "gho_", "xoxb-", "AKIA", "AIza", "eyJ"]
    if prefixes.contains(where: text.hasPrefix) { return !text.dropFirst(4).contains("_") }
    if text.lowercased().hasPrefix("bearer ") { return true }
    let hasDigits = text.contains(where: \.isASCIIDigit)
    let hasLetters = text.contains { $0.isLowercase }
    return text.count >= 20 && hasDigits && hasLetters
  }
}
