import OpenAIAPI
import Transformer

/// What the engine is asked: prompts in tokens, and how to go on from each.
struct EmbeddedPrompt {
  /// One for each prompt of the request; chat has one.
  var prompts: [[Token]]
  /// The field of the request that they stand in.
  let field: String
  var sampling: Sampling
  /// 0 for no answer at all, only what is asked about the prompt; `nil` for what the context
  /// leaves.
  var maximumTokens: Int?
  /// Alternatives to tell with each token; `nil` when the client wants no log probabilities.
  var alternatives: Int?
  /// Alternatives to tell with each token of the prompt; `nil` when nobody asks.
  var promptAlternatives: Int?
  /// Whether the answer begins with its prompt.
  var echoes = false
  /// How many tokens of each prompt were put before what the client wrote; those are not echoed.
  var begun = 0
  /// What the answer must look like; `nil` for any.
  var constraint: OutputConstraint?

  /// - Throws: 400 for what this engine cannot do.
  init(_ prompt: Call.Prompt, _ file: EmbeddedModels.Loaded) throws(APIError) {
    switch prompt {
    case .chat(let request): try self.init(request, file)
    case .text(let request): try self.init(request, file)
    }
  }

  private init(_ request: ChatCompletionRequest, _ file: EmbeddedModels.Loaded) throws(APIError) {
    field = "messages"
    guard let template = file.template else {
      throw .invalidRequest(
        "This model has no chat template; ask it at /v1/completions.", param: "messages")
    }
    let turns = try request.textMessages().map { message in
      ChatTurn(role: ChatTurn.Role(message.role), content: message.text)
    }
    do {
      prompts = [try request.tokens(of: turns, template, file.tokenizer)]
    } catch {
      throw .invalidRequest(error.message, param: field)
    }
    sampling = request.sampling
    maximumTokens = request.tokenBudget
    alternatives = request.logprobs == true ? request.topLogprobs ?? 0 : nil
    promptAlternatives = request.promptLogprobs
    constraint = try request.responseFormat.flatMap { format throws(APIError) in
      try SchemaGrammar.grammar(of: format)
    }.map {
      OutputConstraint(
        $0, index: file.tokenIndex.index, endTokens: file.tokenizer.endOfGeneration)
    }
    try checkAnswerSize()
    try checkBiases(file)
  }

  private init(_ request: CompletionRequest, _ file: EmbeddedModels.Loaded) throws(APIError) {
    field = "prompt"
    let refused: [(String, Bool)] = [
      ("suffix", request.suffix != nil),
      ("best_of", request.bestOf.map { $0 != request.sampling.n ?? 1 } ?? false),
    ]
    for (field, isAsked) in refused where isAsked {
      throw .invalidRequest("This model cannot honour '\(field)'.", param: field)
    }
    let begin = file.tokenizer.beginOfText.map { [$0] } ?? []
    func tokens(_ text: String) -> [Token] {
      begin + file.tokenizer.encode(text, special: false)
    }
    switch request.prompt {
    case .text(let text):
      prompts = [tokens(text)]
      begun = begin.count
    case .texts(let texts):
      prompts = texts.map(tokens)
      begun = begin.count
    case .tokens(let list): prompts = [try Self.checked(list, file)]
    case .tokenLists(let lists):
      var checked: [[Token]] = []
      for list in lists { checked.append(try Self.checked(list, file)) }
      prompts = checked
    }
    guard prompts.allSatisfy({ !$0.isEmpty }) else {
      throw .invalidRequest("A prompt must have at least one token.", param: "prompt")
    }
    sampling = request.sampling
    // The API's own default.
    maximumTokens = request.maxTokens ?? 16
    alternatives = request.logprobs
    promptAlternatives = request.promptLogprobs
    echoes = request.echo == true
    try checkAnswerSize()
    try checkBiases(file)
  }

  /// What an answer tells of its prompts is held as a whole, so it has a bound: of entries, each a
  /// token with its log probability.
  static let promptEntryLimit = 131_072

  private func checkAnswerSize() throws(APIError) {
    guard let wanted = wantedOfPrompt else { return }
    let entries = prompts.reduce(0) { $0 + $1.count } * (wanted + 1) * (sampling.n ?? 1)
    guard entries <= Self.promptEntryLimit else {
      throw .invalidRequest(
        "Log probabilities of the prompt with \(wanted) alternatives would be \(entries) entries; "
          + "at most \(Self.promptEntryLimit) are told. Ask for fewer alternatives or choices, or "
          + "send a shorter prompt.",
        param: promptAlternatives == nil ? "logprobs" : "prompt_logprobs")
    }
  }

  private func checkBiases(_ file: EmbeddedModels.Loaded) throws(APIError) {
    let size = file.tokenizer.vocabularySize
    guard let stranger = sampling.logitBias.first(where: { $0.token >= size }) else { return }
    throw .invalidRequest(
      "Invalid 'logit_bias': token \(stranger.token) is not in this model's vocabulary of \(size).",
      param: "logit_bias")
  }

  /// Alternatives that have to be known for each token of the prompt; `nil` when the prompt need
  /// not be scored.
  var wantedOfPrompt: Int? {
    let echoed = echoes ? alternatives : nil
    guard promptAlternatives != nil || echoed != nil else { return nil }
    return max(promptAlternatives ?? 0, echoed ?? 0)
  }

  private static func checked(
    _ list: [Int], _ file: EmbeddedModels.Loaded
  ) throws(APIError) -> [Token] {
    let size = file.tokenizer.vocabularySize
    if let stranger = list.first(where: { !(0..<size).contains($0) }) {
      throw .invalidRequest(
        "Token \(stranger) is not in this model's vocabulary of \(size).", param: "prompt")
    }
    return list.map { Token($0) }
  }

  /// How the tokens of one choice are drawn.
  ///
  /// - Parameters:
  ///   - choice: shifts the seed, so that choices differ
  ///   - fallbackSeed: where the client gave none
  func options(choice: Int, fallbackSeed: UInt64) throws(APIError) -> SamplingOptions {
    let seed = sampling.seed.map { UInt64(bitPattern: Int64($0)) } ?? fallbackSeed
    var bias: [Token: Double] = [:]
    for entry in sampling.logitBias {
      guard let token = Token(exactly: entry.token) else { continue }
      bias[token] = entry.bias
    }
    do {
      return try SamplingOptions(
        temperature: sampling.temperature ?? 1,
        topK: sampling.topK.flatMap { $0 > 0 ? $0 : nil },
        topP: sampling.topP ?? 1, minP: sampling.minP ?? 0,
        repetitionPenalty: sampling.repetitionPenalty ?? 1,
        presencePenalty: sampling.presencePenalty ?? 0,
        frequencyPenalty: sampling.frequencyPenalty ?? 0, logitBias: bias,
        seed: seed &+ UInt64(choice),
        // The model's own first choice is part of the trace; greedy drawing tells it anyway.
        logProbabilities: isPlainGreedy ? alternatives : max(1, alternatives ?? 0))
    } catch {
      throw .invalidRequest(error.message)
    }
  }

  /// Whether the drawn token is always the model's first choice.
  var isPlainGreedy: Bool {
    sampling.temperature == 0 && sampling.logitBias.isEmpty && constraint == nil
      && (sampling.repetitionPenalty ?? 1) == 1 && (sampling.presencePenalty ?? 0) == 0
      && (sampling.frequencyPenalty ?? 0) == 0
  }
}

extension ChatCompletionRequest {
  /// The conversation, and how it ends.
  fileprivate func tokens(
    of turns: [ChatTurn], _ template: ChatTemplate, _ tokenizer: Tokenizer
  ) throws(TransformerError) -> [Token] {
    if continueFinalMessage == true, let open = turns.last {
      return try template.tokens(
        for: Array(turns.dropLast()), answeredBy: open.content, tokenizer: tokenizer)
    }
    return try template.tokens(
      for: turns, addGenerationPrompt: addGenerationPrompt ?? true, tokenizer: tokenizer)
  }
}

extension ChatTurn.Role {
  /// Newer clients say `developer` for what models were trained to read as `system`.
  fileprivate init(_ role: ChatMessage.Role) {
    switch role {
    case .system, .developer: self = .system
    case .user: self = .user
    case .assistant: self = .assistant
    case .tool: self = .tool
    }
  }
}
