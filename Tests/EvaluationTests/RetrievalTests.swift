import Foundation
import Statistics
import Testing
import Transformer

@testable import Evaluation

/// Keys and facts hidden in text, found by the real weights.
struct RetrievalTests {
  private static func prose() throws -> Prose {
    let file = EvaluationModel.root.appending(path: "fixtures/texts/persuasion.txt")
    return Prose([try String(contentsOf: file, encoding: .utf8)])
  }

  private static func questions(
    _ suite: RetrievalSuite, length: Int, trials: Int = 1, depths: [Double]? = nil,
    seed: UInt64 = 1
  ) throws -> [RetrievalQuestion] {
    let model = try EvaluationModel.loaded()
    return try RetrievalPlan(suite, length: length, trials: trials, depths: depths, seed: seed)
      .questions(template: model.template, tokenizer: model.tokenizer, prose: try prose())
  }

  private static func text(_ question: RetrievalQuestion) throws -> String {
    let tokenizer = try EvaluationModel.loaded().tokenizer
    return String(decoding: question.prompt.flatMap(tokenizer.bytes(of:)), as: UTF8.self)
  }

  @Test func `a passkey fills its length, and its key is in it`() throws {
    for question in try Self.questions(.passkey, length: 600, trials: 5) {
      let room = 600 - RetrievalQuestion.answerTokens
      // A sentence of the filler has at most seven tokens.
      #expect((room - 8...room).contains(question.prompt.count))
      let key = try #require(question.words.first)
      #expect(try Self.text(question).contains("The pass key is \(key). Remember it."))
      #expect(key.count == 5)
    }
  }

  @Test func `a needle stands in prose between whole sentences, and is asked for`() throws {
    let sentences = try Self.prose().sentences
    for question in try Self.questions(.needle, length: 900, trials: 8) {
      let room = 900 - RetrievalQuestion.answerTokens
      #expect(question.prompt.count <= room)
      // The longest sentence of the novel has 260 tokens, a usual one 30.
      #expect(question.prompt.count > room - 300)
      let text = try Self.text(question)
      let fact = try #require(NeedleFact.all.first { text.contains($0.question) })
      #expect(text.contains(fact.sentence) && question.words == fact.words)
      let parts = text.components(separatedBy: fact.sentence)
      try #require(parts.count == 2)
      let before = parts[0].components(separatedBy: "ask you about it.\n\n")
      let isWhole =
        before.last?.isEmpty == true
        || sentences.contains { parts[0].hasSuffix("\($0) ") }
      #expect(isWhole, "\(parts[0].suffix(80))")
    }
  }

  @Test func `every fact says what its question asks for, and the novels do not`() throws {
    let novel = try Self.prose().sentences.joined(separator: " ").lowercased()
    for fact in NeedleFact.all {
      let question = RetrievalQuestion(words: fact.words, prompt: [], depth: 0)
      #expect(question.isAnswered(by: fact.sentence.uppercased()))
      #expect(!question.isAnswered(by: fact.question), "\(fact.question)")
      for word in fact.words { #expect(!novel.contains(word.lowercased()), "\(word)") }
    }
  }

  @Test(arguments: RetrievalSuite.allCases)
  func `the same seed asks the same questions, another one others`(
    suite: RetrievalSuite
  ) throws {
    let questions = try Self.questions(suite, length: 400, trials: 2)
    #expect(try Self.questions(suite, length: 400, trials: 2) == questions)
    #expect(try Self.questions(suite, length: 400, trials: 2, seed: 9) != questions)
  }

  /// The share of the text before what is told, in bytes, and how long a sentence may be.
  @Test(arguments: RetrievalSuite.allCases)
  func `what is told stands at the depth asked for, within a sentence`(
    suite: RetrievalSuite
  ) throws {
    let depths = [0, 0.25, 0.5, 0.75, 1]
    let questions = try Self.questions(suite, length: 1_024, trials: 10, depths: depths)
    #expect(questions.map(\.depth) == depths + depths)
    for question in questions {
      let text = try Self.text(question)
      let (opening, told, end) = try Self.marks(suite, text)
      let before = try #require(text.range(of: told)?.lowerBound)
      let start = try #require(text.range(of: opening)?.upperBound)
      let last = try #require(text.range(of: end, options: .backwards)?.lowerBound)
      let bytes = text.utf8.distance(from: start, to: last) - told.utf8.count
      let place = text.utf8.distance(from: start, to: before)
      // Half of the longest sentence of the novel is 500 bytes; one of the filler has 25.
      let slack = suite == .passkey ? 50 : 500
      #expect(abs(Double(place) - question.depth * Double(bytes)) <= Double(slack))
      // The ends are exact: nothing but a space before the first, or behind the last.
      if question.depth == 0 { #expect(place <= 2) }
      if question.depth == 1 { #expect(bytes - place <= 3) }
    }
  }

  /// What stands before the text, what is told in it, and what stands behind it.
  private static func marks(
    _ suite: RetrievalSuite, _ text: String
  ) throws -> (opening: String, told: String, end: String) {
    switch suite {
    case .passkey:
      let key = try #require(text.components(separatedBy: "The pass key is ").last?.prefix(5))
      return (
        "important information there.",
        "The pass key is \(key). Remember it. \(key) is the pass key.", "What is the pass key?"
      )
    case .needle:
      let fact = try #require(NeedleFact.all.first { text.contains($0.question) })
      return ("ask you about it.", fact.sentence, fact.question)
    }
  }

  @Test func `a place in prose is the border of sentences that is nearest`() {
    let sentences = ["aaaa", "bbbbbbbbbbbbbb", "cccc"]
    // Borders at 0, 5, 20 and 25 of 25 bytes.
    let places = [0, 0.09, 0.11, 0.49, 0.51, 0.88, 0.92, 1].map {
      NeedleText.place($0, among: sentences)
    }
    #expect(places == [0, 0, 1, 1, 2, 2, 3, 3])
    #expect(NeedleText.place(0.5, among: []) == 0)
  }

  @Test func `prose is cut at ends of sentences, not at titles`() {
    let prose = Prose([
      "CHAPTER 1\n\nMr. Elliot came. \"Did he?\" said Anne.  He did (at noon.)\nEnd"
    ])
    #expect(
      prose.sentences == [
        "CHAPTER 1", "Mr. Elliot came.", "\"Did he?\"", "said Anne.", "He did (at noon.)", "End",
      ])
    #expect(Prose([" \n "]).sentences.isEmpty)
  }

  @Test func `plans without meaning are refused before anything is asked`() {
    for (trials, depths) in [(0, nil), (1, [0, 1]), (3, [1.5]), (3, [])] as [(Int, [Double]?)] {
      #expect(throws: EvaluationError.self) {
        try Self.questions(.passkey, length: 400, trials: trials, depths: depths)
      }
    }
    #expect(throws: EvaluationError.self) { try Self.questions(.needle, length: 100) }
    // The novel has some 29,000 tokens.
    #expect(throws: EvaluationError.self) { try Self.questions(.needle, length: 60_000) }
  }

  @Test func `full attention finds what a narrow window has forgotten`() async throws {
    let model = try EvaluationModel.loaded()
    let evaluation = VariantEvaluation(
      engine: model.engine, tokenizer: model.tokenizer, template: model.template,
      reference: try model.variant("flash"), candidates: [try model.variant("window:28+4")])
    let plan = EvaluationPlan(
      suites: [.passkey, .needle], lengths: [400], scoredTokens: 1, trials: 6, depths: [0, 0.5],
      seed: 3)
    let file = EvaluationModel.root.appending(path: "fixtures/texts/persuasion.txt")
    let rows = try await evaluation.run(
      plan, texts: [try String(contentsOf: file, encoding: .utf8)]
    ) { _ in }
    #expect(rows.map(\.variant) == ["flash", "window:28+4"])
    #expect(rows.map(\.isReference) == [true, false])
    for suite in RetrievalSuite.allCases {
      let reports = try rows.map { try #require($0.retrieval(suite)) }
      #expect(reports[0].found >= 4, "\(suite): \(reports[0])")
      #expect(reports[1].found <= 1, "\(suite): \(reports[1])")
      for report in reports {
        #expect(report.trials == 6 && report.lower <= report.upper)
        #expect(report.byDepth?.map(\.trials) == [3, 3])
        #expect(report.byDepth?.reduce(0) { $0 + $1.found } == report.found)
      }
    }
    // Six questions of which none is found by the window: shown, and by McNemar's exact test too.
    let gates = [QualityGate(name: "passkey", measure: .passkey, limit: 0.1)]
    let judged = rows.judged(by: gates)
    #expect(judged[0].judgements == nil)
    #expect(judged[1].judgements?.count == 1)
  }
}
