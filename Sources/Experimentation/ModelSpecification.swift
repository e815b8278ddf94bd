/// One model that can answer: a `kind: Model` document, checked.
package struct ModelSpecification: Hashable, Sendable, Codable {
  package var name: ModelName
  package var backend: BackendSpecification
  /// SHA-256 of the canonical document, lower-case hex; what evidence is bound to.
  package var digest: String

  package init(name: ModelName, backend: BackendSpecification, digest: String) {
    self.name = name
    self.backend = backend
    self.digest = digest
  }
}

/// Who answers: this process, or a server elsewhere.
package enum BackendSpecification: Hashable, Sendable, Codable {
  case engine(EngineSpecification)
  case upstream(UpstreamSpecification)
}

/// A model run by the embedded engine.
package struct EngineSpecification: Hashable, Sendable, Codable {
  /// Path of a GGUF file or of a folder of safetensors; a relative one is looked up in the
  /// service's model folder.
  package var weights: String
  /// Lower-case hex of the file's SHA-256, or `nil` when the policy does not say. Of a folder:
  /// of `config.json`, `tokenizer.json`, `tokenizer_config.json` and the weights by name, one after
  /// the other.
  package var sha256: String?
  package var attention: AttentionSpecification
  /// How positions are stretched; `nil` means as the file was trained.
  package var rope: RopeSpecification?
  /// Tokens of prompt and answer together; `nil` means what the file was trained for, times the
  /// factor of `rope`.
  package var context: Int?

  package init(
    weights: String, sha256: String? = nil, attention: AttentionSpecification,
    rope: RopeSpecification? = nil, context: Int? = nil
  ) {
    self.weights = weights
    self.sha256 = sha256
    self.attention = attention
    self.rope = rope
    self.context = context
  }
}

/// How a model of the embedded engine attends.
package enum AttentionSpecification: Hashable, Sendable, Codable {
  /// Scores materialised: the yardstick.
  case dense
  /// Exact, tiled, online softmax.
  case flash
  /// The last `window` positions and the first `sinks`.
  case slidingWindow(window: Int, sinks: Int)
  /// The first block, the last one, and those that score best: `keys` in all.
  case blockSparse(selection: BlockSparseSelection, blockSize: Int, keys: Int, denseLayers: Int)
  /// The first `sinks` positions, the last `window`, and the blocks that score best: `keys` in all.
  case hybrid(
    selection: HybridSelection, blockSize: Int, keys: Int, window: Int, sinks: Int,
    denseLayers: Int)
  /// The first `sinks` positions, the last `window`, and the blocks that a learned gate scores
  /// best: `keys` in all. `gate` is the path of its file, looked up as weights are.
  case gated(gate: String, keys: Int, window: Int, sinks: Int, denseLayers: Int)
}

/// By what block-sparse attention chooses blocks of keys.
package enum BlockSparseSelection: String, Hashable, Sendable, Codable, CaseIterable {
  /// By a bound on their scores (Quest).
  case quest
  /// By their mean (MoBA).
  case moba
}

/// By what hybrid attention chooses blocks of keys.
package enum HybridSelection: String, Hashable, Sendable, Codable, CaseIterable {
  /// By their mean.
  case means
  /// By a bound on their scores (Quest).
  case quest
}

/// How positions are stretched to a context longer than the trained one.
package struct RopeSpecification: Hashable, Sendable, Codable {
  /// The rules; papers and formulas stand with the engine's.
  package enum Scaling: String, Hashable, Sendable, Codable, CaseIterable {
    case linear, ntk, dynamicNTK, yarn
  }

  package var scaling: Scaling
  /// The wanted context over the trained one, above 1; `dynamicNTK` grows up to it.
  package var factor: Double

  package init(_ scaling: Scaling, factor: Double) {
    self.scaling = scaling
    self.factor = factor
  }
}

extension AttentionSpecification: CustomStringConvertible {
  package var description: String {
    switch self {
    case .dense: "dense"
    case .flash: "flash"
    case .slidingWindow(let window, let sinks): "slidingWindow(\(window)+\(sinks))"
    case .blockSparse(let selection, let blockSize, let keys, _):
      "blockSparse(\(selection.rawValue), \(keys) in \(blockSize)s)"
    case .hybrid(let selection, let blockSize, let keys, let window, let sinks, _):
      "hybrid(\(selection.rawValue), \(keys) in \(blockSize)s, \(window)+\(sinks))"
    case .gated(_, let keys, let window, let sinks, _):
      "gated(\(keys), \(window)+\(sinks))"
    }
  }
}

/// A model behind an OpenAI-compatible server.
package struct UpstreamSpecification: Hashable, Sendable, Codable {
  /// Base URL, `http` or `https`, up to and including `/v1`, without a trailing slash.
  package var url: String
  /// The name that the server knows the model by.
  package var model: String
  /// Name of the environment variable that holds the key; never the key.
  package var apiKeyEnvironment: String?
  package var timeouts: UpstreamTimeouts
  /// What its tokens cost; `nil` leaves its answers without a cost.
  package var price: Price?
  /// How it scores a given text; `nil` for a server that is not asked to.
  package var scoring: ScoringSpecification?

  package init(
    url: String, model: String, apiKeyEnvironment: String? = nil,
    timeouts: UpstreamTimeouts = UpstreamTimeouts(), price: Price? = nil,
    scoring: ScoringSpecification? = nil
  ) {
    self.url = url
    self.model = model
    self.apiKeyEnvironment = apiKeyEnvironment
    self.timeouts = timeouts
    self.price = price
    self.scoring = scoring
  }
}

/// What a server tells of a text that it is given: the field `prompt_logprobs`.
package struct ScoringSpecification: Hashable, Sendable, Codable {
  /// The most that is asked for: what servers tell unless they are told otherwise.
  package static let maximumLogprobs = 20

  /// How many of the likeliest tokens it tells at each place; 1 … `maximumLogprobs`.
  package var logprobs: Int

  package init(logprobs: Int) {
    self.logprobs = logprobs
  }
}

/// What tokens cost, by a server's price list.
package struct Price: Hashable, Sendable, Codable {
  /// For a million tokens of prompts; cached ones are counted like the others. At least 0.
  package var inputPerMillion: Double
  /// For a million tokens of answers; at least 0.
  package var outputPerMillion: Double
  /// Three capital letters, as in ISO 4217: costs in two currencies are never compared.
  package var currency: String

  package init(inputPerMillion: Double, outputPerMillion: Double, currency: String) {
    self.inputPerMillion = inputPerMillion
    self.outputPerMillion = outputPerMillion
    self.currency = currency
  }

  /// Of one answer.
  package func cost(promptTokens: Int, outputTokens: Int) -> Double {
    (Double(promptTokens) * inputPerMillion + Double(outputTokens) * outputPerMillion) / 1_000_000
  }
}

/// How long a server may take; each is a duration in seconds, positive.
package struct UpstreamTimeouts: Hashable, Sendable, Codable {
  /// Until the connection stands.
  package var connectSeconds: Double
  /// Until the first byte of the answer.
  package var firstTokenSeconds: Double
  /// Between two pieces of a stream.
  package var idleSeconds: Double
  /// For the whole answer.
  package var totalSeconds: Double

  package init(
    connectSeconds: Double = 2, firstTokenSeconds: Double = 20, idleSeconds: Double = 15,
    totalSeconds: Double = 120
  ) {
    self.connectSeconds = connectSeconds
    self.firstTokenSeconds = firstTokenSeconds
    self.idleSeconds = idleSeconds
    self.totalSeconds = totalSeconds
  }
}
