import OpenAIAPI
import Transformer

/// Turns the tokens of one choice into pieces of text: whole characters, up to a stop string.
struct ChoiceAssembler {
  private let index: Int
  private let tokenizer: Tokenizer
  private let wantsLogprobs: Bool
  private let alternatives: Int
  private let isPlainGreedy: Bool
  private var characters = UTF8Assembler()
  private var stops: StopStrings
  /// Of tokens whose text is still held back.
  private var logprobs: [TokenLogprob] = []
  /// The tokens so far.
  private(set) var trace: TokenTrace
  private(set) var isFinished = false

  init(
    index: Int, _ prompt: EmbeddedPrompt, _ file: EmbeddedModels.Loaded
  ) throws(TransformerError) {
    self.index = index
    tokenizer = file.tokenizer
    wantsLogprobs = prompt.alternatives != nil
    alternatives = prompt.alternatives ?? 0
    isPlainGreedy = prompt.isPlainGreedy
    stops = try StopStrings(prompt.sampling.stop)
    trace = TokenTrace(vocabulary: file.digest)
  }

  /// Takes a token; returns the text that it completes, if any.
  mutating func take(_ sampled: SampledToken) -> ChatCompletionChunk.Choice? {
    trace.tokens.append(sampled.token)
    trace.top.append(
      isPlainGreedy ? sampled.token : sampled.alternatives.first?.token ?? sampled.token)
    if wantsLogprobs { logprobs.append(logprob(of: sampled)) }
    let portion = stops.append(characters.append(tokenizer.bytes(of: sampled.token)))
    if portion.stopped {
      isFinished = true
      return piece(portion.text, .stop)
    }
    return portion.text.isEmpty ? nil : piece(portion.text, nil)
  }

  /// The last piece, with what was held back.
  mutating func finish(_ reason: GenerationResult.Reason) -> ChatCompletionChunk.Choice {
    let portion = stops.append(characters.finish())
    let rest = portion.stopped ? "" : stops.finish()
    isFinished = true
    return piece(portion.text + rest, reason == .length ? .length : .stop)
  }

  private mutating func piece(
    _ text: String, _ reason: FinishReason?
  ) -> ChatCompletionChunk.Choice {
    defer { logprobs = [] }
    return ChatCompletionChunk.Choice(
      index: index,
      delta: ChatCompletionChunk.Delta(content: text.isEmpty && reason != nil ? nil : text),
      logprobs: wantsLogprobs ? ChatLogprobs(content: logprobs) : nil, finishReason: reason)
  }

  private func logprob(of sampled: SampledToken) -> TokenLogprob {
    tokenizer.logprob(
      of: sampled.token, sampled.logProbability ?? TokenLogprob.unlikely,
      sampled.alternatives.prefix(alternatives))
  }
}
