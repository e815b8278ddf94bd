import OpenAIAPI
import Transformer

/// One prompt, with what the model holds of its tokens where the client asked for that.
struct PromptReading {
  let tokens: [Token]
  /// Of every token but the first, which nothing comes before; `nil` for a prompt that was not
  /// scored, or that has no other.
  let score: TextScore?

  /// What scoring took.
  var timings: GenerationTimings { score?.timings ?? GenerationTimings() }

  /// What a choice says before its first own token; `nil` for nothing.
  func prelude(
    index: Int, _ prompt: EmbeddedPrompt, _ tokenizer: Tokenizer
  ) -> ChatCompletionChunk.Choice? {
    guard prompt.echoes || prompt.promptAlternatives != nil else { return nil }
    return ChatCompletionChunk.Choice(
      index: index,
      delta: ChatCompletionChunk.Delta(
        content: prompt.echoes ? echo(from: prompt.begun, tokenizer) : nil),
      logprobs: prompt.echoes
        ? prompt.alternatives.map { logprobs(from: prompt.begun, $0, tokenizer) } : nil,
      promptLogprobs: prompt.promptAlternatives.map { promptLogprobs($0, tokenizer) })
  }

  private func echo(from first: Int, _ tokenizer: Tokenizer) -> String {
    String(decoding: tokens[first...].flatMap(tokenizer.bytes(of:)), as: UTF8.self)
  }

  private func logprobs(
    from first: Int, _ alternatives: Int, _ tokenizer: Tokenizer
  ) -> ChatLogprobs {
    let content = tokens.indices[first...].map { place in
      let score = place == 0 ? nil : score?.tokens[place - 1]
      var logprob = tokenizer.logprob(
        of: tokens[place], score?.logProbability ?? TokenLogprob.unlikely,
        score?.alternatives.prefix(alternatives) ?? [])
      logprob.isFirstOfText = place == 0
      return logprob
    }
    return ChatLogprobs(content: content)
  }

  private func promptLogprobs(_ alternatives: Int, _ tokenizer: Tokenizer) -> PromptLogprobs {
    let positions = (score?.tokens ?? []).map { token -> [PromptLogprobs.Entry]? in
      token.entries(alternatives, tokenizer)
    }
    return PromptLogprobs(positions: [nil] + positions)
  }
}

extension TextScore.TokenScore {
  /// The text's own token, then the likeliest others.
  func entries(_ alternatives: Int, _ tokenizer: Tokenizer) -> [PromptLogprobs.Entry] {
    var entries = [
      PromptLogprobs.Entry(
        token: Int(token), logprob: logProbability, rank: rank,
        decodedToken: tokenizer.spelling(of: token))
    ]
    for (index, other) in self.alternatives.prefix(alternatives).enumerated()
    where other.token != token {
      entries.append(
        PromptLogprobs.Entry(
          token: Int(other.token), logprob: other.logProbability, rank: index + 1,
          decodedToken: tokenizer.spelling(of: other.token)))
    }
    return entries
  }
}

extension Tokenizer {
  /// A token as the API tells of it.
  func logprob(
    of token: Token, _ logProbability: Double,
    _ alternatives: some Sequence<SampledToken.Alternative>
  ) -> TokenLogprob {
    func spelling(_ token: Token) -> (String, [UInt8]) {
      let bytes = self.bytes(of: token)
      return (String(decoding: bytes, as: UTF8.self), bytes)
    }
    let (text, bytes) = spelling(token)
    return TokenLogprob(
      token: text, logprob: logProbability, bytes: bytes,
      alternatives: alternatives.map { alternative in
        let (text, bytes) = spelling(alternative.token)
        return TokenLogprob.Alternative(
          token: text, logprob: alternative.logProbability, bytes: bytes)
      })
  }
}

extension GenerationTimings {
  /// Of both pieces of work, one after the other.
  static func + (left: GenerationTimings, right: GenerationTimings) -> GenerationTimings {
    var sum = left
    sum.queueSeconds += right.queueSeconds
    sum.prefillSeconds += right.prefillSeconds
    sum.cachedSeconds += right.cachedSeconds
    sum.decodeSeconds += right.decodeSeconds
    sum.interleavedSeconds += right.interleavedSeconds
    return sum
  }
}
