package import Transformer

/// The pieces of some texts that a model reads, one at a time, and which of their tokens count.
///
/// Windows of `context` tokens begin every `stride` tokens, and in each the last `stride` tokens
/// are
/// scored: the sliding window of Press, Smith and Lewis 2021 ("Train Short, Test Long", appendix
/// B),
/// as in Hugging Face's guide to perplexity, but for two things. Tokens of the first window before
/// its last `stride` are not scored, nor is a last window that the text does not fill: every token
/// that counts has at least `context` − `stride` tokens before it, so that a number belongs to a
/// length.
package struct TextWindows: Sendable {
  /// [windows][context]; every window a piece of one text.
  package let windows: [[Token]]
  package let context: Int
  package let stride: Int

  /// The place in a window of the first token that is scored.
  package var firstScored: Int { context - stride }

  /// Cuts windows until they have `scoredTokens`, in turns from each text; at least one of each.
  ///
  /// - Parameters:
  ///   - texts: in tokens
  ///   - context: at least 2
  ///   - stride: 1 ..< `context`
  ///   - scoredTokens: at least 1
  /// - Throws: `invalidRequest` outside these ranges, `tooShort` for a text with fewer tokens than
  ///   the context.
  package init(
    _ texts: [[Token]], context: Int, stride: Int, scoredTokens: Int
  ) throws(EvaluationError) {
    guard !texts.isEmpty, context >= 2, (1..<context).contains(stride), scoredTokens >= 1 else {
      throw EvaluationError(
        .invalidRequest,
        "a context of \(context) tokens with a stride of \(stride); the context is at least 2, and "
          + "the stride at least 1 and below it")
    }
    if let (index, text) = texts.enumerated().first(where: { $0.element.count < context }) {
      throw EvaluationError(
        .tooShort,
        "text \(index + 1) has \(text.count) tokens, too few for a context of \(context): give a "
          + "longer text, or a smaller length")
    }
    self.context = context
    self.stride = stride
    var windows: [[Token]] = []
    var turn = 0
    while true {
      let before = windows.count
      for text in texts where text.count - turn * stride >= context {
        guard turn == 0 || windows.count * stride < scoredTokens else { break }
        windows.append(Array(text[turn * stride..<turn * stride + context]))
      }
      guard windows.count > before else { break }
      turn += 1
    }
    self.windows = windows
  }
}
