import Statistics
import Transformer

/// Five digits told somewhere in a text that says nothing.
///
/// After Mohtashami and Jaggi 2023, "Landmark Attention", section 4.2, whose filler this is; asked
/// as a chat.
struct PasskeyText {
  /// Five digits.
  let key: String
  /// How much of the filler stands before the key, 0…1.
  let depth: Double

  private static let filler = [
    "The grass is green.", "The sky is blue.", "The sun is yellow.", "Here we go.",
    "There and back again.",
  ]

  /// Draws a key, then a depth. Both are drawn even where the depth is given: keys are then the
  /// same.
  init(depth: Double?, _ generator: inout SeededGenerator) {
    key = String(10_000 + Int(generator.uniform() * 90_000))
    let drawn = generator.uniform()
    self.depth = depth ?? drawn
  }

  /// The prompt comes as near to the length as whole sentences allow.
  ///
  /// - Throws: `tooShort` for a length without room.
  func question(_ fitting: QuestionFitting) throws(EvaluationError) -> RetrievalQuestion {
    let bare = try fitting.bareTokens(text)
    // Sentences of the filler are equally long again and again: a guess from many is near.
    let sample = 10 * Self.filler.count
    let tokensPerSentence =
      Double(try fitting.prompt(text(sample)).count - bare) / Double(sample)
    let guess = Int(Double(fitting.room - bare) / max(1, tokensPerSentence)) + Self.filler.count
    return RetrievalQuestion(words: [key], prompt: try fitting.fit(guess, text), depth: depth)
  }

  /// Sentences are counted, as they are about equally long.
  private func text(_ sentences: Int) -> String {
    let before = min(sentences, Int(depth * Double(sentences + 1)))
    let filling = (0..<sentences).map { Self.filler[$0 % Self.filler.count] }
    let told = "The pass key is \(key). Remember it. \(key) is the pass key."
    return
      ([
        "There is an important info hidden inside a lot of irrelevant text. Find it and "
          + "memorize it. I will quiz you about the important information there."
      ] + filling[..<before] + [told] + filling[before...] + ["What is the pass key?"])
      .joined(separator: " ")
  }
}
