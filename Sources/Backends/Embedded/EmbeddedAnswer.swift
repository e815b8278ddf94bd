import OpenAIAPI
import Transformer

/// The choices of one answer while the engine generates them.
///
/// `@unchecked Sendable`: an answer is pulled by one task at a time, first for its head and then
/// for the rest; nobody else knows of this object.
final class EmbeddedAnswer: @unchecked Sendable {
  struct Choice {
    fileprivate var events: AsyncThrowingStream<GenerationEvent, any Error>.Iterator?
    fileprivate var assembler: ChoiceAssembler
    /// What comes before the first token: the echo of the prompt, and what the model holds of it.
    fileprivate var prelude: ChatCompletionChunk.Choice?
    fileprivate var timings: GenerationTimings?
    fileprivate var cachedTokens = 0
    fileprivate var topAlong: [Token]?
    fileprivate let isWithoutTokens: Bool

    /// - Parameter stream: `nil` for a choice that has no tokens of its own
    init(
      _ stream: AsyncThrowingStream<GenerationEvent, any Error>?, _ assembler: ChoiceAssembler,
      prelude: ChatCompletionChunk.Choice?
    ) {
      events = stream?.makeAsyncIterator()
      self.assembler = assembler
      self.prelude = prelude
      isWithoutTokens = stream == nil
    }
  }

  private var choices: [Choice]
  private let choicesPerPrompt: Int
  private let field: String
  private let promptTokens: Int
  /// What scoring the prompts took before.
  private let reading: GenerationTimings
  private let revision: String
  private var turn = 0
  private var isFinished = false

  /// - Parameters:
  ///   - choices: by prompt, `n` of each
  ///   - prompt: what was asked
  ///   - promptTokens: of all prompts
  ///   - reading: what scoring the prompts took
  ///   - revision: which weights answer
  init(
    _ choices: [Choice], of prompt: EmbeddedPrompt, promptTokens: Int, reading: GenerationTimings,
    revision: String
  ) {
    self.choices = choices
    choicesPerPrompt = max(1, prompt.sampling.n ?? 1)
    field = prompt.field
    self.reading = reading
    self.revision = revision
    self.promptTokens = promptTokens
  }

  /// The next event, or `nil` after `finished`. Choices take turns, as they do in the engine.
  func next() async throws -> AnswerEvent? {
    guard !isFinished else { return nil }
    while let index = nextOpenChoice() {
      if let piece = try await pull(index) { return .choice(piece) }
    }
    isFinished = true
    return .finished(summary)
  }

  private func nextOpenChoice() -> Int? {
    for offset in 0..<choices.count {
      let index = (turn + offset) % choices.count
      if !choices[index].assembler.isFinished {
        turn = index + 1
        return index
      }
    }
    return nil
  }

  private func pull(_ index: Int) async throws -> ChatCompletionChunk.Choice? {
    if let prelude = choices[index].prelude {
      choices[index].prelude = nil
      return prelude
    }
    if choices[index].isWithoutTokens { return choices[index].assembler.finish(.length) }
    let event: GenerationEvent?
    do { event = try await choices[index].events?.next() } catch let error as TransformerError {
      throw BackendError(error, promptIn: field)
    }
    switch event {
    case .started(_, let cachedTokens, _):
      choices[index].cachedTokens = cachedTokens
      return nil
    case .token(let sampled, let timings):
      choices[index].timings = timings
      let piece = choices[index].assembler.take(sampled)
      // A stop string ends the choice before the engine knows: dropping the events ends its work.
      if choices[index].assembler.isFinished { choices[index].events = nil }
      return piece
    case .readAlong(let top):
      choices[index].topAlong = top
      return nil
    case .finished(let result):
      choices[index].timings = result.timings
      return choices[index].assembler.finish(result.reason)
    case nil:
      throw CancellationError()
    }
  }

  /// Choices of one prompt count it once: what the first of them found.
  private var cachedPromptTokens: Int {
    stride(from: 0, to: choices.count, by: choicesPerPrompt)
      .reduce(0) { $0 + choices[$1].cachedTokens }
  }

  private var summary: AnswerSummary {
    let outputTokens = choices.reduce(0) { $0 + $1.assembler.trace.tokens.count }
    let first = choices.first
    let timings = first?.timings
    let steps = (first?.assembler.trace.tokens.count ?? 0) - 1
    return AnswerSummary(
      usage: Usage(
        promptTokens: promptTokens, completionTokens: outputTokens,
        cachedPromptTokens: cachedPromptTokens),
      timing: AnswerTiming(
        queue: reading.queueSeconds + reading.interleavedSeconds
          + (timings.map { $0.queueSeconds + $0.interleavedSeconds } ?? 0),
        firstToken: timings.map { reading.computeSeconds + $0.prefillSeconds },
        perOutputToken: timings.flatMap { steps > 0 ? $0.decodeSeconds / Double(steps) : nil },
        total: reading.computeSeconds + (timings?.computeSeconds ?? 0)),
      trace: first?.assembler.trace, topAlong: first?.topAlong, revision: revision)
  }
}
