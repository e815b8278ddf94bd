import OpenAIAPI

/// Where an answer stands in what a server tells of prompt and answer together.
enum AnswerPlace {
  /// Why it cannot be said, which is better than a guess.
  enum Doubt: String, Error {
    /// The whole does not begin with the tokens of the prompt: the last of them goes on into the
    /// answer, or the template writes a prompt with an answer otherwise.
    case promptDiffers = "scored_prompt_differs"
    /// What stands behind the prompt is not the answer: the template changes what was said.
    case textDiffers = "scored_text_differs"
    /// Tokens are not spelled, so that nobody can tell.
    case unspelled = "scored_text_unspelled"
  }

  /// What is told of the answer's tokens.
  ///
  /// - Parameters:
  ///   - whole: of the prompt with the answer behind it
  ///   - prompt: of the prompt by itself
  ///   - text: the answer
  static func entries(
    in whole: PromptLogprobs, behind prompt: PromptLogprobs, _ text: String
  ) throws(Doubt) -> [[PromptLogprobs.Entry]] {
    let tokens = { (logprobs: PromptLogprobs) in logprobs.positions.map { $0?.first?.token } }
    let count = prompt.positions.count
    guard count > 0, whole.positions.count > count,
      tokens(whole).prefix(count).elementsEqual(tokens(prompt))
    else { throw .promptDiffers }
    let answer = whole.positions[count...].compactMap { $0 }
    let spellings = answer.compactMap { $0.first?.decodedToken }
    guard answer.count == whole.positions.count - count, spellings.count == answer.count else {
      throw .unspelled
    }
    guard TokenSpelling.spell(spellings, text) else { throw .textDiffers }
    return answer
  }
}
