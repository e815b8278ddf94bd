import Testing

@testable import Backends

/// Whether what a server calls the tokens of a text may be its tokens.
struct TokenSpellingTests {
  @Test(
    arguments: [
      (["The", " sea", " is", " blue"], "The sea is blue"),
      // Pieces that lose their blanks, and a template that trims.
      (["The", "sea", "is", "blue", "."], " The sea is\nblue. \n"),
      // A character in three tokens, at the beginning, within and at the end.
      (["\u{FFFD}", "\u{FFFD}", "\u{FFFD}", " wave"], "🌊 wave"),
      (["a ", "\u{FFFD}", "\u{FFFD} b", "c"], "a 🌊 bc"), (["a", "\u{FFFD}", "\u{FFFD}"], "a🌊"),
      (["\u{FFFD}", "\u{FFFD}"], "🌊"), (["a", "\u{FFFD}", "b", "\u{FFFD}", "b"], "aébéb"),
      // Bytes that are no character are that in the text as well.
      (["a", "\u{FFFD}"], "a\u{FFFD}"), ([" "], " "),
    ] as [([String], String)])
  func `tokens that spell the text`(_ tokens: [String], _ text: String) {
    #expect(TokenSpelling.spell(tokens, text))
  }

  @Test(
    arguments: [
      (["The", " sea"], "The sea is blue"), (["The", " sea", " is", " red"], "The sea is blue"),
      (["sea", " is", " blue"], "The sea is blue"), (["a", "\u{FFFD}", "c"], "a🌊b"),
      (["b", "\u{FFFD}"], "a🌊"), ([], "a"), ([" "], "a"),
      // Thoughts that a template leaves out.
      (["Yes"], "<think>no</think>Yes"), (["a", "\u{FFFD}", "a"], "a"),
    ] as [([String], String)])
  func `tokens of another text`(_ tokens: [String], _ text: String) {
    #expect(!TokenSpelling.spell(tokens, text))
  }

  @Test func `one token is spelled with its blank or without`() {
    #expect(TokenSpelling.isSame(" sea", "sea") && TokenSpelling.isSame("\u{FFFD}", "é"))
    #expect(!TokenSpelling.isSame(" sea", " see"))
  }
}
