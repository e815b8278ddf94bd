import OpenAIAPI

extension Completion {
  /// A chat answer as a legacy completion: contents become texts.
  init(_ completion: ChatCompletion) {
    self.init(
      id: completion.id, created: completion.created, model: completion.model,
      choices: completion.choices.map { choice in
        Choice(
          index: choice.index, text: choice.message.content ?? "",
          logprobs: choice.logprobs?.content.map { tokens in
            var offsets = TextOffsets()
            return Logprobs(tokens, &offsets)
          },
          finishReason: choice.finishReason, promptLogprobs: choice.promptLogprobs)
      },
      usage: completion.usage, systemFingerprint: completion.systemFingerprint)
  }
}

extension Completion.Choice {
  /// A chat piece as a legacy completion's.
  ///
  /// - Parameter offsets: of the choice so far; goes on with this piece
  init(_ choice: ChatCompletionChunk.Choice, _ offsets: inout TextOffsets) {
    var logprobs: Completion.Logprobs?
    if let tokens = choice.logprobs?.content { logprobs = Completion.Logprobs(tokens, &offsets) }
    self.init(
      index: choice.index, text: choice.delta.content ?? "", logprobs: logprobs,
      finishReason: choice.finishReason)
  }
}

/// Where the tokens of one choice start in its text, in code points, which is what clients in other
/// languages count characters in.
///
/// A token that begins inside of a character starts where the character does: several tokens of one
/// character have one offset.
struct TextOffsets {
  /// Characters that have begun.
  private var begun = 0

  /// The offset of the next token.
  mutating func next(_ token: TokenLogprob) -> Int {
    let bytes = token.bytes ?? Array(token.token.utf8)
    let isInside = begun > 0 && bytes.first.map(Self.isContinuation) == true
    defer { begun += bytes.count { !Self.isContinuation($0) } }
    return isInside ? begun - 1 : begun
  }

  /// Whether a byte of UTF-8 goes on with a character.
  private static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}

extension Completion.Logprobs {
  /// - Parameter offsets: of the choice so far; goes on with `tokens`
  init(_ tokens: [TokenLogprob], _ offsets: inout TextOffsets) {
    self.init(topLogprobs: tokens.contains { !$0.alternatives.isEmpty } ? [] : nil)
    for token in tokens {
      self.tokens.append(token.token)
      tokenLogprobs.append(token.isFirstOfText ? nil : token.logprob)
      textOffset.append(offsets.next(token))
      topLogprobs?.append(
        token.isFirstOfText
          ? nil : token.alternatives.map { Alternative(token: $0.token, logprob: $0.logprob) })
    }
  }
}
