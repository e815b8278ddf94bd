package import Experimentation
import OpenAIAPI
import Transformer

/// A model run by the engine in this process.
package final class EmbeddedBackend: Backend {
  package let model: ModelName
  let engine: Engine
  let variant: ModelVariant
  let file: EmbeddedModels.Loaded

  init(model: ModelName, engine: Engine, variant: ModelVariant, file: EmbeddedModels.Loaded) {
    self.model = model
    self.engine = engine
    self.variant = variant
    self.file = file
  }

  /// Settings of the engine that this variant cannot have.
  package var notes: [String] { variant.exceptions(to: engine.configuration) }
  package var revision: String? { file.digest }
  /// The engine has no form for calls.
  package var takesTools: Bool { false }

  package func answer(_ call: Call) async throws(BackendError) -> Answer {
    // Tokens of a long prompt, and what is told of them, take longer than an event loop may wait.
    let answer = try await withTaskExecutorPreference(globalConcurrentExecutor) {
      () async throws(BackendError) in try await begin(call)
    }
    return Answer { try await answer.next() }
  }

  private func begin(_ call: Call) async throws(BackendError) -> EmbeddedAnswer {
    let prompt: EmbeddedPrompt
    do { prompt = try EmbeddedPrompt(call.prompt, file) } catch {
      throw BackendError(.invalidRequest, error)
    }
    try check(prompt.prompts.count, prompt.sampling.n ?? 1, call)
    let readings = try await read(prompt, Priority(call.priority))
    var choices: [EmbeddedAnswer.Choice] = []
    for (number, reading) in readings.enumerated() {
      let count = prompt.sampling.n ?? 1
      for draw in 0..<count {
        choices.append(
          try begin(reading, draw: draw, index: number * count + draw, prompt, call))
      }
    }
    return EmbeddedAnswer(
      choices, of: prompt, promptTokens: prompt.prompts.reduce(0) { $0 + $1.count },
      reading: readings.map(\.timings).reduce(.init(), +), revision: file.digest)
  }

  /// Refuses more answers than the engine ever has room for, which no patience would cure.
  private func check(_ prompts: Int, _ count: Int, _ call: Call) throws(BackendError) {
    let limit = engine.configuration.jobLimit(Priority(call.priority))
    guard prompts * count > limit else { return }
    throw BackendError(
      .invalidRequest,
      .invalidRequest(
        "\(prompts * count) answers are asked for at once; '\(model.text)' gives at most \(limit). "
          + "Ask for fewer, in several requests.", param: prompts > 1 ? "prompt" : "n"))
  }

  /// The prompts, scored where the client asks what the model holds of them.
  private func read(
    _ prompt: EmbeddedPrompt, _ priority: Priority
  ) async throws(BackendError) -> [PromptReading] {
    var readings: [PromptReading] = []
    for tokens in prompt.prompts {
      var score: TextScore?
      if let alternatives = prompt.wantedOfPrompt, tokens.count > 1 {
        do {
          score = try await engine.score(
            prompt: [tokens[0]], continuation: Array(tokens[1...]), alternatives: alternatives,
            on: variant, priority: priority)
        } catch let error as TransformerError {
          throw BackendError(error, promptIn: prompt.field)
        } catch {
          throw BackendError(.cancelled, .clientClosedRequest())
        }
      }
      readings.append(PromptReading(tokens: tokens, score: score))
    }
    return readings
  }

  private func begin(
    _ reading: PromptReading, draw: Int, index: Int, _ prompt: EmbeddedPrompt, _ call: Call
  ) throws(BackendError) -> EmbeddedAnswer.Choice {
    let options: SamplingOptions
    do { options = try prompt.options(choice: draw, fallbackSeed: call.seed) } catch {
      throw BackendError(.invalidRequest, error)
    }
    do {
      let assembler = try ChoiceAssembler(index: index, prompt, file)
      let prelude = reading.prelude(index: index, prompt, file.tokenizer)
      guard prompt.maximumTokens != 0 else {
        return EmbeddedAnswer.Choice(nil, assembler, prelude: prelude)
      }
      let stream = try engine.generate(
        GenerationRequest(
          prompt: reading.tokens, maximumTokens: prompt.maximumTokens, sampling: options,
          stopTokens: file.tokenizer.endOfGeneration, priority: Priority(call.priority),
          along: index == 0 ? text(along: call.along) : [], constraint: prompt.constraint),
        on: variant)
      return EmbeddedAnswer.Choice(stream, assembler, prelude: prelude)
    } catch {
      throw BackendError(error, promptIn: prompt.field)
    }
  }

  /// The tokens that this model is to read beside; none where it makes no sense: another
  /// vocabulary.
  private func text(along trace: TokenTrace?) -> [Token] {
    guard let trace, trace.vocabulary == file.digest else { return [] }
    return trace.tokens
  }
}

extension Call {
  /// A seed for requests that bring none: differs between requests, the same for one of them.
  fileprivate var seed: UInt64 {
    // FNV-1a (Fowler, Noll, Vo), 64 bits; a request's id is chance enough.
    requestID.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
  }
}

extension Priority {
  init(_ priority: Call.Priority) {
    switch priority {
    case .live: self = .live
    case .shadow: self = .shadow
    }
  }
}

extension BackendError {
  /// What went wrong in the engine, for the statistics and for the client.
  ///
  /// - Parameter field: where the request has its prompt
  init(_ error: TransformerError, promptIn field: String) {
    switch error.code {
    case .promptTooLong:
      self.init(
        .rejected, .invalidRequest(error.message, param: field, code: "context_length_exceeded"))
    case .invalidRequest:
      self.init(.invalidRequest, .invalidRequest(error.message))
    case .overloaded, .cacheFull:
      self.init(.overloaded, .unavailable(error.message))
    case .cancelled:
      self.init(.cancelled, .clientClosedRequest())
    case .notANumber:
      self.init(.malformed, .internalFailure(error.message))
    case .unreadableFile, .malformedFile, .unsupportedFile:
      self.init(.unavailable, .unavailable(error.message))
    }
  }
}
