import Experimentation

// What stands behind each key of a model.

extension ModelKey {
  var entry: KeyEntry {
    switch self {
    case .apiVersion:
      KeyEntry(.words([PolicyParser.apiVersion]), "`rollout/v1`")
    case .kind:
      KeyEntry(.words([ReadDocument.Kind.model.rawValue]), "`Model`")
    case .name:
      KeyEntry(.word(.name), "what rollouts call it")
    case .engine:
      KeyEntry(.mapping(EngineKey.self), usual: "one of two", "a model that runs in this process")
    case .upstream:
      KeyEntry(.mapping(UpstreamKey.self), usual: "one of two", "a model behind a server")
    }
  }
}

extension EngineKey {
  var entry: KeyEntry {
    switch self {
    case .weights:
      KeyEntry(
        .path,
        """
        a GGUF file, or a folder of safetensors: in the service's model folder, or an \
        absolute path
        """)
    case .sha256:
      KeyEntry(
        .word(.sha256), usual: "recommended",
        "what the file must hash to, 64 lower-case hexadecimal digits")
    case .attention:
      KeyEntry(.mapping(AttentionKey.self), "how it attends")
    case .rope:
      KeyEntry(.mapping(RopeKey.self), usual: "`{ scaling: none }`", "how positions are stretched")
    case .context:
      KeyEntry(
        .integer(16...EngineKey.maximumTokens), usual: "as trained, times the `factor` of `rope`",
        """
        tokens of prompt and answer together, 16 to 1048576; more than that only with a \
        sliding window, which then counts positions inside its cache
        """)
    }
  }
}

extension AttentionKey {
  var entry: KeyEntry {
    switch self {
    case .kind:
      KeyEntry(
        .words(AttentionForm.allCases.map(\.rawValue)),
        "`dense`, `flash`, `slidingWindow`, `blockSparse`, `hybrid` or `gated`")
    case .window:
      KeyEntry(
        .integer(1...EngineKey.maximumTokens),
        usual: "for `slidingWindow`; 128 in `hybrid`, `gated`",
        "the last positions that are seen, 1 to 1048576")
    case .sinks:
      KeyEntry(
        .integer(0...4_096), usual: "0; 4 in `hybrid`, `gated`",
        """
        the first positions that are seen as well, 0 to 4096; `hybrid` and `gated` round \
        them up to blocks
        """)
    case .keys:
      KeyEntry(
        .integer(1...EngineKey.maximumTokens), usual: "for `blockSparse`, `hybrid`, `gated`",
        "keys that a position sees in all, rounded to blocks, up to 1048576")
    case .selection:
      KeyEntry(
        .words(AttentionForm.allSelections), usual: "for `blockSparse`; `means` in `hybrid`",
        """
        by what blocks are chosen: `quest` (a bound on their scores), `moba` or `means` \
        (their mean key)
        """)
    case .blockSize:
      KeyEntry(.integers([16, 32, 64]), or: "16", "keys in a block: 16, 32 or 64")
    case .denseLayers:
      KeyEntry(
        .integer(0...1_024), usual: "0; 2 in `hybrid`, `gated`",
        "the first layers, which see everything, 0 to 1024")
    case .gate:
      KeyEntry(
        .path, usual: "for `gated`",
        """
        path of the gate that chooses blocks, looked up like `weights`; `rollout \
        distill-gate` wrote it, and it is refused with other weights
        """)
    }
  }
}

extension RopeKey {
  var entry: KeyEntry {
    switch self {
    case .scaling:
      KeyEntry(
        .words([Self.withoutScaling] + RopeSpecification.Scaling.allCases.map(\.rawValue)),
        "`none` (as the file says), `linear`, `ntk`, `dynamicNTK` or `yarn`")
    case .factor:
      KeyEntry(
        .number(Bounds(above: 1, to: 64)), usual: "for all but `none`",
        """
        the wanted context over the trained one, above 1 to 64; `dynamicNTK` grows up to it \
        with the text
        """)
    }
  }
}

extension UpstreamKey {
  var entry: KeyEntry {
    switch self {
    case .url:
      KeyEntry(
        .pattern(UpstreamURL.pattern),
        "base URL, `http` or `https`, mostly up to `/v1`; no password, no `?`, no `#`")
    case .model:
      KeyEntry(.text, "what the server calls the model")
    case .apiKeyEnv:
      KeyEntry(
        .word(.environmentName), usual: "none",
        "name of the environment variable that holds the key, never the key")
    case .timeouts:
      KeyEntry(.mapping(TimeoutKey.self), usual: "see there", "how long the server may take")
    case .price:
      KeyEntry(
        .mapping(PriceKey.self), usual: "none", "what its tokens cost, for the metric `cost`")
    case .scoring:
      KeyEntry(
        .mapping(ScoringKey.self), usual: "none",
        """
        that the server scores a given text, as vLLM and rollout do (`prompt_logprobs`), for \
        `tokenAgreement`, `klDivergence` and `answerPerplexity`
        """)
    }
  }
}

extension TimeoutKey {
  var entry: KeyEntry {
    switch self {
    case .connect:
      KeyEntry(.duration(0.001...3_600), or: "2s", "until the connection stands")
    case .firstToken:
      KeyEntry(.duration(0.001...3_600), or: "20s", "until the first byte of the answer")
    case .idle:
      KeyEntry(.duration(0.001...3_600), or: "15s", "between two pieces of a stream")
    case .total:
      KeyEntry(
        .duration(0.001...3_600), or: "120s",
        "for the whole answer; none of the others may be longer")
    }
  }
}

extension PriceKey {
  var entry: KeyEntry {
    switch self {
    case .inputPerMillion:
      KeyEntry(
        .number(Bounds(from: 0, to: 100_000)), "for a million tokens of prompts, 0 to 100000")
    case .outputPerMillion:
      KeyEntry(
        .number(Bounds(from: 0, to: 100_000)), "for a million tokens of answers, 0 to 100000")
    case .currency:
      KeyEntry(
        .word(.currency),
        """
        three capital letters, such as USD; candidate and incumbent must have the same for \
        costs to mean anything
        """)
    }
  }
}

extension ScoringKey {
  var entry: KeyEntry {
    switch self {
    case .logprobs:
      KeyEntry(
        .integer(1...ScoringSpecification.maximumLogprobs),
        """
        how many of the likeliest tokens it tells at each place, 1 to 20; the more, the nearer \
        the bound of `klDivergence`
        """)
    }
  }
}
