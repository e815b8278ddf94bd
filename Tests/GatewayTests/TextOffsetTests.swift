import OpenAIAPI
import Testing

@testable import Gateway

/// Where tokens start in the text, as clients count characters.
struct TextOffsetTests {
  private func offsets(_ tokens: [[UInt8]]) -> [Int] {
    var offsets = TextOffsets()
    return tokens.map {
      offsets.next(TokenLogprob(token: String(decoding: $0, as: UTF8.self), logprob: 0, bytes: $0))
    }
  }

  @Test func `tokens of one character start where it does`() {
    // "a", then U+1F44B in three tokens, then "b".
    #expect(offsets([[0x61], [0xF0, 0x9F], [0x91], [0x8B], [0x62]]) == [0, 1, 1, 1, 2])
  }

  @Test func `a token that ends one character and holds another`() {
    // "é" cut in two, its end together with "x".
    #expect(offsets([[0xC3], [0xA9, 0x78], [0x79]]) == [0, 0, 2])
  }

  @Test func `code points are counted, not what people see as one letter`() {
    // "e" with a combining accent, then a flag of two regional indicators.
    let tokens = ["e", "\u{301}", "\u{1F1EB}", "\u{1F1F7}", "."].map { Array($0.utf8) }
    #expect(offsets(tokens) == [0, 1, 2, 3, 4])
  }
}
