import Testing

@testable import Transformer

/// Grammars read byte by byte, and the tokens they allow.
struct GrammarTests {
  /// Round brackets in pairs, inside each other, with an "a" or none in the innermost.
  private static func brackets() throws -> Grammar {
    var builder = GrammarBuilder()
    let rule = builder.makeRule()
    let open = builder.makeState()
    let close = builder.makeState()
    builder.read("(".utf8, from: rule.start, to: open)
    builder.call(rule, from: open, to: close)
    builder.read("a".utf8, from: open, to: close)
    builder.skip(from: open, to: close)
    builder.read(")".utf8, from: close, to: rule.end)
    return try #require(builder.grammar(rule))
  }

  private static func read(_ text: String, _ reader: inout GrammarReader) {
    for byte in text.utf8 { reader.read(byte) }
  }

  @Test(arguments: [
    ("()", true), ("((a))", true), ("((()))", true), ("(", false), ("((a)", false),
    ("())", nil), ("a", nil), ("(aa)", nil),
  ])
  func `a rule that calls itself is read to any depth`(text: String, isComplete: Bool?) throws {
    var reader = GrammarReader(try Self.brackets())
    Self.read(text, &reader)
    #expect(reader.isComplete == (isComplete ?? false))
    #expect((reader.place == GrammarReader.nowhere) == (isComplete == nil))
  }

  @Test func `calls deeper than the bound are not allowed`() throws {
    var reader = GrammarReader(try Self.brackets())
    Self.read(String(repeating: "(", count: GrammarReader.depthLimit + 10), &reader)
    Self.read(String(repeating: ")", count: GrammarReader.depthLimit + 10), &reader)
    #expect(!reader.isComplete)
  }

  @Test(arguments: [(2, 4), (0, 3), (3, nil), (0, nil)])
  func `a rule is repeated as often as it may`(least: Int, most: Int?) throws {
    var builder = GrammarBuilder()
    let letter = builder.makeRule()
    builder.read("x".utf8, from: letter.start, to: letter.end)
    let rule = builder.makeRule()
    builder.repeated(letter, least, most, from: rule.start, to: rule.end)
    let grammar = try #require(builder.grammar(rule))
    for count in 0..<8 {
      var reader = GrammarReader(grammar)
      Self.read(String(repeating: "x", count: count), &reader)
      #expect(reader.isComplete == (count >= least && count <= most ?? .max), "\(count)")
    }
  }

  @Test func `a grammar beyond the limit is none`() {
    var builder = GrammarBuilder()
    let letter = builder.makeRule()
    let rule = builder.makeRule()
    builder.repeated(letter, 10_000_000, nil, from: rule.start, to: rule.end)
    #expect(!builder.isWithinLimit && builder.grammar(rule) == nil)
  }

  /// Every token against the grammar by itself, at every place of a text.
  @Test func `masks are what reading each token alone would find`() throws {
    let spellings = ["(", ")", "()", "((", "))", "(a", "(a)", "a", "a)", "b", "((a))", ")("]
    let index = TokenIndex(
      vocabularySize: 70, spellings.enumerated().map { (Token($0 * 5), Array($1.utf8)) })
    let grammar = try Self.brackets()
    for prefix in ["", "(", "((", "((a", "((a)", "()"] {
      var reader = GrammarReader(grammar)
      Self.read(prefix, &reader)
      let mask = index.allowed(by: &reader)
      for (number, spelling) in spellings.enumerated() {
        var alone = GrammarReader(grammar)
        Self.read(prefix + spelling, &alone)
        let isAllowed = mask[number * 5 >> 6] >> UInt64(number * 5 & 63) & 1 == 1
        #expect(isAllowed == (alone.place != GrammarReader.nowhere), "\(prefix) \(spelling)")
      }
      #expect(mask.reduce(0) { $0 + $1.nonzeroBitCount } <= spellings.count)
    }
  }

  @Test func `a sampler draws what the grammar allows, and ends where it is complete`() throws {
    let spellings = ["(", ")", "a", "b", "(a"]
    let index = TokenIndex(
      vocabularySize: 6, spellings.enumerated().map { (Token($0), Array($1.utf8)) })
    let constraint = OutputConstraint(try Self.brackets(), index: index, endTokens: [5])
    // The model wants to end at once, then to write "b"; its own logits stay as they are.
    let logits: [Float] = [1, 2, 0, 9, 1.5, 10]
    for temperature in [0.0, 1] {
      for seed in 0..<20 as Range<UInt64> {
        var sampler = Sampler(
          try SamplingOptions(temperature: temperature, seed: seed, logProbabilities: 1),
          constraint: constraint)
        var text = ""
        for _ in 0..<200 {
          var row = logits
          let sampled = try row.withUnsafeMutableBufferPointer { row throws(TransformerError) in
            try sampler.sample(logits: row)
          }
          #expect(row == logits)
          #expect(sampled.alternatives.first?.token == 5)
          if sampled.token == 5 { break }
          text += spellings[Int(sampled.token)]
        }
        var reader = GrammarReader(try Self.brackets())
        Self.read(text, &reader)
        #expect(reader.isComplete, "\(text)")
      }
    }
  }
}
