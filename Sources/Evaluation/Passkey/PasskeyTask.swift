package import Statistics
package import Transformer

/// A question that needs the distance: five digits told somewhere in a long text, asked for at its
/// end.
///
/// After Mohtashami and Jaggi 2023, "Landmark Attention", section 4.2, whose filler this is; asked
/// as a chat.
package struct PasskeyTask: Hashable, Sendable {
  /// Five digits.
  package let key: String
  /// With the chat template, ready for the answer.
  package let prompt: [Token]

  /// Room for the answer.
  package static let answerTokens = 24

  /// The least `length` that has room for the question and a little text.
  package static let leastLength = 256

  private static let filler = [
    "The grass is green.", "The sky is blue.", "The sun is yellow.", "Here we go.",
    "There and back again.",
  ]

  /// Draws a key and its place.
  ///
  /// - Parameters:
  ///   - length: tokens of prompt and answer together, at least `leastLength`; the prompt comes as
  ///     near as whole sentences allow
  ///   - generator: draws the key, then the depth: the same for all variants
  /// - Throws: `tooShort` for a length without room.
  package init(
    length: Int, template: ChatTemplate, tokenizer: Tokenizer,
    generator: inout SeededGenerator
  ) throws(EvaluationError) {
    let digits = String(10_000 + Int(generator.uniform() * 90_000))
    let depth = generator.uniform()
    func prompt(_ sentences: Int) throws(EvaluationError) -> [Token] {
      let text = Self.text(sentences, key: digits, depth: depth)
      do {
        return try template.tokens(
          for: [ChatTurn(role: .user, content: text)], addGenerationPrompt: true,
          tokenizer: tokenizer)
      } catch {
        throw EvaluationError(.invalidRequest, error.message)
      }
    }
    let room = length - Self.answerTokens
    let bare = try prompt(0).count
    guard length >= Self.leastLength, bare < room else {
      throw EvaluationError(
        .tooShort,
        "a length of \(length) tokens has no room for the question; use \(Self.leastLength) or more"
      )
    }
    // Sentences of the filler are equally long again and again: a guess from many is near.
    let sample = 10 * Self.filler.count
    let tokensPerSentence = Double(try prompt(sample).count - bare) / Double(sample)
    var sentences = Int(Double(room - bare) / max(1, tokensPerSentence)) + Self.filler.count
    var best = try prompt(sentences)
    while best.count > room, sentences > 0 {
      sentences -= 1
      best = try prompt(sentences)
    }
    key = digits
    self.prompt = best
  }

  private static func text(_ sentences: Int, key: String, depth: Double) -> String {
    let before = Int(depth * Double(sentences + 1))
    let filling = (0..<sentences).map { filler[$0 % filler.count] }
    let told = "The pass key is \(key). Remember it. \(key) is the pass key."
    return
      ([
        "There is an important info hidden inside a lot of irrelevant text. Find it and "
          + "memorize it. I will quiz you about the important information there."
      ] + filling[..<before] + [told] + filling[before...] + ["What is the pass key?"])
      .joined(separator: " ")
  }
}
