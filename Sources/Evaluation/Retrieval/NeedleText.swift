import Statistics
import Transformer

/// A fact told somewhere in natural text that has nothing to do with it.
///
/// After Kamradt 2023, "Needle In A Haystack: Pressure Testing LLMs", with one fact in essays;
/// RULER (Hsieh et al. 2024, section 3.1) calls it single NIAH and has the passkey's filler beside
/// it. Natural text is the harder one for variants that choose what they look at: a fact looks like
/// what is around it.
struct NeedleText {
  let fact: NeedleFact
  /// How much of the text stands before the fact, 0…1.
  let depth: Double
  /// The sentence that the text begins with.
  let start: Int
  let prose: Prose

  /// Draws a fact, a depth and where the text begins: all three even where the depth is given, so
  /// that facts are then the same.
  init(depth: Double?, _ prose: Prose, _ generator: inout SeededGenerator) {
    let facts = NeedleFact.all
    fact = facts[Int(generator.uniform() * Double(facts.count))]
    let drawn = generator.uniform()
    start = Int(generator.uniform() * Double(prose.sentences.count))
    self.depth = depth ?? drawn
    self.prose = prose
  }

  /// The prompt comes as near to the length as whole sentences allow.
  ///
  /// - Throws: `tooShort` for a length without room, and for prose that is shorter than the length.
  func question(_ fitting: QuestionFitting) throws(EvaluationError) -> RetrievalQuestion {
    let bare = try fitting.bareTokens(text)
    var tokens = bare
    var count = 0
    // Sentences are tokenised alone here, which is a token off now and then.
    while tokens <= fitting.room {
      guard count < prose.sentences.count else {
        throw EvaluationError(
          .tooShort,
          "the text has fewer than \(fitting.length) tokens to hide a needle in: give a longer "
            + "text, or a smaller length")
      }
      tokens += fitting.tokenizer.encode(" " + sentence(count), special: false).count
      count += 1
    }
    return RetrievalQuestion(
      words: fact.words, prompt: try fitting.fit(count, text), depth: depth)
  }

  /// The text goes on from its beginning when it has come to its end.
  private func sentence(_ index: Int) -> String {
    prose.sentences[(start + index) % prose.sentences.count]
  }

  private func text(_ count: Int) -> String {
    let sentences = (0..<count).map(sentence)
    let before = Self.place(depth, among: sentences)
    let told = sentences[..<before] + [fact.sentence] + sentences[before...]
    return """
      Read this text. I will ask you about it.

      \(told.joined(separator: " "))

      \(fact.question) Answer with a short sentence from the text.
      """
  }

  /// The number of sentences before a depth: where the share of the text's bytes is nearest to it.
  /// Sentences of prose are far from equally long.
  static func place(_ depth: Double, among sentences: [String]) -> Int {
    let sizes = sentences.map { $0.utf8.count + 1 }
    let wanted = depth * Double(sizes.reduce(0, +))
    var before = 0.0
    var place = 0
    while place < sizes.count, before + Double(sizes[place]) / 2 < wanted {
      before += Double(sizes[place])
      place += 1
    }
    return place
  }
}
