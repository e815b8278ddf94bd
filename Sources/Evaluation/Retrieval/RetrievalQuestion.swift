package import Transformer

/// A question that needs the distance: something told in a long text, asked for at its end.
package struct RetrievalQuestion: Hashable, Sendable {
  /// What an answer must say, all of it.
  package let words: [String]
  /// With the chat template, ready for the answer.
  package let prompt: [Token]
  /// How much of the text stands before what is told, 0…1, as asked for or drawn.
  package let depth: Double

  /// Room for the answer.
  package static let answerTokens = 24

  /// The least length that has room for a question and a little text.
  package static let leastLength = 256

  /// Whether `answer` says all the words, whatever their case and whatever else it says.
  package func isAnswered(by answer: String) -> Bool {
    let answer = answer.lowercased()
    return words.allSatisfy { answer.contains($0.lowercased()) }
  }
}

/// Fits questions into a length.
struct QuestionFitting {
  let length: Int
  let template: ChatTemplate
  let tokenizer: Tokenizer

  /// Tokens that a prompt may have.
  var room: Int { length - RetrievalQuestion.answerTokens }

  /// The prompt that asks `text`.
  func prompt(_ text: String) throws(EvaluationError) -> [Token] {
    do {
      return try template.tokens(
        for: [ChatTurn(role: .user, content: text)], addGenerationPrompt: true,
        tokenizer: tokenizer)
    } catch {
      throw EvaluationError(.invalidRequest, error.message)
    }
  }

  /// Tokens of the prompt with none of the text.
  ///
  /// - Throws: `tooShort` for a length that has no room for more.
  func bareTokens(_ text: (Int) -> String) throws(EvaluationError) -> Int {
    let bare = try prompt(text(0)).count
    guard length >= RetrievalQuestion.leastLength, bare < room else {
      throw EvaluationError(
        .tooShort,
        "a length of \(length) tokens has no room for the question; use "
          + "\(RetrievalQuestion.leastLength) or more")
    }
    return bare
  }

  /// The longest prompt that there is room for.
  ///
  /// - Parameters:
  ///   - guess: sentences that fill the room or a little more
  ///   - text: of so many sentences
  func fit(_ guess: Int, _ text: (Int) -> String) throws(EvaluationError) -> [Token] {
    var sentences = guess
    var best = try prompt(text(sentences))
    while best.count > room, sentences > 0 {
      sentences -= 1
      best = try prompt(text(sentences))
    }
    return best
  }
}
