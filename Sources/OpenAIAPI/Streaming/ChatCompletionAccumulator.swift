/// Folds the chunks of a stream into the answer that would have come in one piece.
///
///     var accumulator = ChatCompletionAccumulator()
///     for chunk in chunks { try accumulator.add(chunk) }
///     let answer = accumulator.completion
///
/// Holds one answer, at most `ResponseLimits` of it.
package struct ChatCompletionAccumulator: Sendable {
  private let limits: ResponseLimits
  private var header: ChatCompletionChunk?
  private var usage: Usage?
  private var choices: [Int: Choice] = [:]
  private var heldBytes = 0

  fileprivate struct Choice: Sendable {
    var content: String?
    /// No text is a text, unless the answer says something else instead.
    var emptyContent: String? { refusal == nil && toolCalls.isEmpty ? "" : nil }
    var refusal: String?
    var reasoning: String?
    var toolCalls: [Int: Call] = [:]
    var logprobs: ChatLogprobs?
    var finishReason: FinishReason?
    var promptLogprobs: PromptLogprobs?
  }

  fileprivate struct Call: Sendable {
    var id = ""
    var name = ""
    var arguments = ""
  }

  /// An accumulator of nothing.
  package init(limits: ResponseLimits = .standard) {
    self.limits = limits
  }

  /// Whether every choice that began has told why it ended, and there is one.
  package var isFinished: Bool {
    !choices.isEmpty && choices.values.allSatisfy { $0.finishReason != nil }
  }

  /// The answer so far. Choices and tool calls are in the order of their indices; one that has not
  /// ended has no `finishReason`.
  package var completion: ChatCompletion {
    ChatCompletion(
      id: header?.id ?? "", created: header?.created ?? 0, model: header?.model ?? "",
      choices: choices.sorted { $0.key < $1.key }.map { index, choice in
        ChatCompletion.Choice(
          index: index,
          message: ChatCompletion.Message(
            content: choice.content ?? choice.emptyContent, refusal: choice.refusal,
            toolCalls: choice.toolCalls.sorted { $0.key < $1.key }.map(\.value.toolCall),
            reasoning: choice.reasoning),
          finishReason: choice.finishReason, logprobs: choice.logprobs,
          promptLogprobs: choice.promptLogprobs)
      },
      usage: usage, systemFingerprint: header?.systemFingerprint,
      serviceTier: header?.serviceTier)
  }

  /// Adds the next chunk.
  ///
  /// - Throws: 502 `malformed` when the answer grows beyond its limits; the chunk is not added
  ///   then.
  package mutating func add(_ chunk: ChatCompletionChunk) throws(APIError) {
    try checkLimits(chunk)
    if header == nil {
      header = chunk
      header?.choices = []
    }
    if let usage = chunk.usage { self.usage = usage }
    for choice in chunk.choices {
      choices[choice.index, default: Choice()].add(choice)
    }
  }

  private mutating func checkLimits(_ chunk: ChatCompletionChunk) throws(APIError) {
    var bytes = heldBytes
    for choice in chunk.choices {
      guard choice.index < limits.maximumChoices else {
        throw malformed("choice \(choice.index) of at most \(limits.maximumChoices)")
      }
      let delta = choice.delta
      for text in [delta.content, delta.refusal, delta.reasoning] {
        bytes += text?.utf8.count ?? 0
      }
      for call in delta.toolCalls {
        guard call.index < limits.maximumToolCalls else {
          throw malformed("tool call \(call.index) of at most \(limits.maximumToolCalls)")
        }
        bytes += (call.arguments?.utf8.count ?? 0) + (call.name?.utf8.count ?? 0)
      }
      bytes += (choice.logprobs?.content?.count ?? 0) * MemoryLayout<TokenLogprob>.stride
      bytes += (choice.logprobs?.refusal?.count ?? 0) * MemoryLayout<TokenLogprob>.stride
    }
    guard bytes <= limits.maximumBytes else {
      throw malformed("the answer has more than \(limits.maximumBytes) bytes")
    }
    heldBytes = bytes
  }

  private func malformed(_ reason: String) -> APIError {
    .badGateway("The upstream's stream is malformed: \(reason).", code: "malformed")
  }
}

extension ChatCompletionAccumulator.Choice {
  fileprivate mutating func add(_ piece: ChatCompletionChunk.Choice) {
    Self.append(piece.delta.content, to: &content)
    Self.append(piece.delta.refusal, to: &refusal)
    Self.append(piece.delta.reasoning, to: &reasoning)
    for call in piece.delta.toolCalls {
      toolCalls[call.index, default: ChatCompletionAccumulator.Call()].append(call)
    }
    if let more = piece.logprobs {
      // Taken out, or each append would copy what is shared with the old value.
      var all = logprobs ?? ChatLogprobs(content: nil)
      logprobs = nil
      Self.append(more.content, to: &all.content)
      Self.append(more.refusal, to: &all.refusal)
      logprobs = all
    }
    if let reason = piece.finishReason { finishReason = reason }
    if let prompt = piece.promptLogprobs { promptLogprobs = prompt }
  }

  private static func append<Text: RangeReplaceableCollection>(
    _ more: Text?, to text: inout Text?
  ) {
    guard let more else { return }
    if text == nil { text = more } else { text?.append(contentsOf: more) }
  }
}

extension ChatCompletionAccumulator.Call {
  fileprivate var toolCall: ToolCall {
    ToolCall(id: id, call: .function(name: name, arguments: arguments))
  }

  fileprivate mutating func append(_ piece: ChatCompletionChunk.ToolCallDelta) {
    if let id = piece.id { self.id = id }
    if let more = piece.name { name += more }
    if let more = piece.arguments { arguments += more }
  }
}
