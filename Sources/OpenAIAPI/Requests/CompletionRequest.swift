/// A request for `POST /v1/completions`: every field that the API documents, checked, and four
/// extensions (`top_k`, `min_p`, `repetition_penalty`, `prompt_logprobs`). Any other field is
/// refused by name; `null` means absent, except for `model` and `prompt`.
package struct CompletionRequest: Hashable, Sendable {
  /// What to go on from. No array is empty.
  package enum Prompt: Hashable, Sendable {
    case text(String)
    case texts([String])
    /// Tokens in the vocabulary of whoever answers.
    case tokens([Int])
    case tokenLists([[Int]])

    /// How many prompts these are.
    package var count: Int {
      switch self {
      case .text, .tokens: 1
      case .texts(let texts): texts.count
      case .tokenLists(let lists): lists.count
      }
    }
  }

  /// As the client names it: a rollout's or a model's name.
  package var model: String
  package var prompt: Prompt
  package var sampling = Sampling()
  package var streaming = Streaming()
  /// 0 … `RequestLimits.maximumTokens`; 0 is for scoring an echoed prompt. `nil` means the API's
  /// own 16.
  package var maxTokens: Int?
  /// 0 … 5: alternatives to return for each token. Other than `nil` also returns the chosen ones.
  package var logprobs: Int?
  /// Extension: 0 … 20 alternatives to tell with each token of the prompt; see `PromptLogprobs`.
  package var promptLogprobs: Int?
  /// Whether the answer starts with the prompt.
  package var echo: Bool?
  /// Answers to draw, of which the best `n` are returned; at least `n`, and not streamed.
  package var bestOf: Int?
  /// What comes after the gap to fill.
  package var suffix: String?
  /// Who is asking, in the client's words; a routing key, perhaps.
  package var user: String?

  /// A request with nothing but a prompt.
  package init(model: String, prompt: Prompt) {
    self.model = model
    self.prompt = prompt
  }
}

// MARK: - Decoding

extension CompletionRequest {
  /// Reads a body.
  ///
  /// - Throws: 400 with the first mistake (its field in `param`, or its line and column if the body
  ///   is not even JSON), or 413 for a body that is too large.
  package init(decoding body: [UInt8], limits: RequestLimits = .standard) throws(APIError) {
    let value: JSONValue
    do { value = try JSONValue(parsing: body, limits: limits.json) } catch { throw APIError(error) }
    try self.init(value, limits: limits)
  }

  /// Reads a body that was parsed before.
  package init(_ value: JSONValue, limits: RequestLimits = .standard) throws(APIError) {
    do { self = try CompletionRequest.read(value, limits) } catch {
      throw APIError(request: error)
    }
  }

  private static func read(
    _ value: JSONValue, _ limits: RequestLimits
  ) throws(FieldError) -> CompletionRequest {
    guard case .object(let object) = value else {
      throw FieldError.type(value, expected: "an object")
    }
    var request = CompletionRequest(model: "", prompt: .text(""))
    var hasPrompt = false
    for member in object.members {
      switch member.key {
      case "model":
        request.model = try member.reading { value throws(FieldError) in
          try value.name(upTo: limits.maximumModelNameBytes).required("a string")
        }
      case "prompt":
        hasPrompt = true
        request.prompt = try member.reading { value throws(FieldError) in
          try Prompt(value, limits)
        }
      default: try request.take(member, limits)
      }
    }
    guard !request.model.isEmpty else { throw FieldError.missing("model", "Name a model.") }
    guard hasPrompt else { throw FieldError.missing("prompt", "Send a string or tokens.") }
    try request.validate()
    return request
  }

  private mutating func take(
    _ member: JSONObject.Member, _ limits: RequestLimits
  ) throws(FieldError) {
    if try sampling.take(member, limits) { return }
    if try streaming.take(member) { return }
    switch member.key {
    case "max_tokens": maxTokens = try member.integer(in: 0...max(1, limits.maximumTokens))
    case "logprobs": logprobs = try member.integer(in: 0...5)
    case "prompt_logprobs": promptLogprobs = try member.integer(in: 0...20)
    case "echo": echo = try member.boolean()
    case "best_of": bestOf = try member.integer(in: 1...max(1, limits.maximumChoices))
    case "suffix": suffix = try member.string(upTo: limits.maximumBodyBytes)
    case "user": user = try member.name(upTo: limits.maximumNameBytes)
    default: throw FieldError.unknown(member.key, known: CompletionRequest.fields)
    }
  }

  /// What can only be said once all fields are read.
  private func validate() throws(FieldError) {
    try streaming.validate()
    try streaming.validate(promptLogprobs: promptLogprobs)
    guard let bestOf else { return }
    let n = sampling.n ?? 1
    guard bestOf >= n else {
      throw FieldError(
        .invalidValue, "found \(bestOf), but \(n) answers are to be returned; send at least 'n'.",
        path: "best_of")
    }
    guard bestOf == n || !streaming.isOn else {
      throw FieldError(
        .invalidValue, "the best answers are known only at the end; do not stream them.",
        path: "best_of")
    }
  }

  /// Every name that this route knows, for suggestions.
  private static let fields =
    ["model", "prompt"] + Sampling.fields + Streaming.fields + [
      "max_tokens", "logprobs", "prompt_logprobs", "echo", "best_of", "suffix", "user",
    ]
}

extension CompletionRequest.Prompt {
  init(_ value: JSONValue, _ limits: RequestLimits) throws(FieldError) {
    if case .string(let text) = value {
      self = .text(text)
      return
    }
    guard case .array(let elements) = value else {
      throw FieldError.type(value, expected: "a string or an array of strings or tokens")
    }
    guard let first = elements.first else {
      throw FieldError(.emptyArray, "the array is empty. Expected at least one element.")
    }
    var tokensLeft = limits.maximumPromptTokens
    switch first {
    case .string:
      _ = try value.array(upTo: limits.maximumPrompts)
      self = .texts(
        try elements.reading { element throws(FieldError) in
          try element.string(upTo: Int.max).required("a string")
        })
    case .array:
      _ = try value.array(upTo: limits.maximumPrompts)
      self = .tokenLists(
        try elements.reading { element throws(FieldError) in
          let list = try element.array(upTo: tokensLeft).required("an array")
          guard !list.isEmpty else { throw FieldError(.emptyArray, "a prompt of no tokens.") }
          tokensLeft -= list.count
          return try Self.tokens(list)
        })
    default:
      _ = try value.array(upTo: tokensLeft)
      self = .tokens(try Self.tokens(elements))
    }
  }

  private static func tokens(_ elements: [JSONValue]) throws(FieldError) -> [Int] {
    try elements.reading { element throws(FieldError) in
      try element.integer(in: 0...Int(Int32.max)).required("a token")
    }
  }

  fileprivate var json: JSONValue {
    switch self {
    case .text(let text): .string(text)
    case .texts(let texts): .array(texts.map(JSONValue.string))
    case .tokens(let tokens): Self.json(tokens)
    case .tokenLists(let lists): .array(lists.map(Self.json))
    }
  }

  private static func json(_ tokens: [Int]) -> JSONValue {
    .array(tokens.map { .integer(Int64($0)) })
  }
}

// MARK: - Encoding

extension CompletionRequest {
  /// Appends this request as JSON, for an upstream. What an upstream reads was read by us first: no
  /// byte of the client's body is copied, and equal requests give equal bytes.
  ///
  /// - Parameters:
  ///   - bytes: appended to
  ///   - upstreamModel: what the upstream calls the model; `nil` keeps the client's name
  package func encode(into bytes: inout [UInt8], model upstreamModel: String? = nil) {
    JSONWriter.append(to: &bytes) { writer in
      writer.beginObject()
      writer.member("model", upstreamModel ?? model)
      writer.member("prompt", prompt.json)
      streaming.encode(into: &writer)
      sampling.encode(into: &writer)
      writer.member("max_tokens", maxTokens)
      writer.member("logprobs", logprobs)
      writer.member("prompt_logprobs", promptLogprobs)
      writer.member("echo", echo)
      writer.member("best_of", bestOf)
      writer.member("suffix", suffix)
      writer.member("user", user)
      writer.endObject()
    }
  }

  /// This request as bytes; see `encode(into:model:)`.
  package func encoded(model upstreamModel: String? = nil) -> [UInt8] {
    var bytes: [UInt8] = []
    encode(into: &bytes, model: upstreamModel)
    return bytes
  }

  /// A copy that may be sent to a shadow: without `user`, which names a person, and without
  /// `prompt_logprobs`, which nobody reads. Nothing else of this route causes an effect.
  package func sanitisedForShadow() -> CompletionRequest {
    var copy = self
    copy.user = nil
    copy.promptLogprobs = nil
    return copy
  }
}
