import Experimentation
import Foundation
import Testing

/// Regular expressions that take no more time than there is text.
@Suite struct TextPatternTests {
  private func matches(_ pattern: String, _ text: String) throws -> Bool {
    try TextPattern(pattern).matches(text)
  }

  private static let patterns = [
    "a", "abc", "a|b", "^a", "a$", "^a$", "^$", "a*", "^a*$", "^a+b?$", "^(ab|ba)+$", "[abc]+",
    "[^ab]", "^[a-c0-9]{2,3}$", "^a{2}b{1,}$", "a.c", "^.*b.*$", #"\d\d"#, #"^\w+$"#, #"\s"#,
    #"^\S+$"#, #"\bab\b"#, #"a\.c"#, "(?:a|b)c", "(a*)*b", "^(a|ab)(c|bcd)$", "x{0,2}y", "ü+",
    #"[\d_]$"#, "(?i)aBc", "(?i)[x-z]", #"\Ba"#, "a*?b", "(|a)b",
  ]
  private static let texts = [
    "", "a", "b", "ab", "abc", "ABC", "aab", "abab", "abba", "a.c", "axc", "a\nc", "12", "a1",
    "_", "a b", "ab ab", "abcd", "aaaaab", "xy", "xxxy", "Z", "ü", "grün", "ac", "bc", "\n", "b_",
  ]

  @Test func `it finds what Foundation's finds`() throws {
    for pattern in Self.patterns {
      // ICU's $ may stand before a last newline, and its \w has letters of every script.
      let reference = try NSRegularExpression(
        pattern: pattern.replacingOccurrences(of: "$", with: #"\z"#)
          .replacingOccurrences(of: #"\w"#, with: "[A-Za-z0-9_]"))
      for text in Self.texts {
        let range = NSRange(text.startIndex..., in: text)
        let found = reference.firstMatch(in: text, range: range) != nil
        #expect(try matches(pattern, text) == found, "\(pattern) in '\(text)'")
      }
    }
  }

  @Test func `a pattern that others hang on is done at once`() throws {
    let text = String(repeating: "a", count: 20_000) + "!"
    #expect(try !matches("^(a+)+$", text))
    #expect(try !matches("^(a|aa)+$", text))
    #expect(try matches("(a*)*!", text))
  }

  @Test(arguments: [
    "(", ")", "a)", "[", "[]", "[b-a]", "*", "a**", "a{2,1}", "a{1001}", "(?=a)", "(?<n>a)", #"\1"#,
    #"\p{L}"#, "\\", "a{", "(a{1000}){1000}", #"[\D]"#,
  ])
  func `what it cannot do it refuses`(pattern: String) {
    #expect(throws: TextPattern.Mistake.self) { try TextPattern(pattern) }
  }

  @Test func `a pattern of any length is refused or taken, and nothing else`() {
    #expect(throws: TextPattern.Mistake.self) {
      try TextPattern(String(repeating: "a", count: TextPattern.lengthLimit + 1))
    }
    #expect(throws: TextPattern.Mistake.self) {
      try TextPattern(String(repeating: "(", count: 100) + String(repeating: ")", count: 100))
    }
  }

  @Test func `it is kept as it is written`() throws {
    let pattern = try TextPattern(#"^\d+ "ö"$"#)
    let data = try JSONEncoder().encode([pattern])
    #expect(try JSONDecoder().decode([TextPattern].self, from: data) == [pattern])
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([TextPattern].self, from: Data(#"["(?=a)"]"#.utf8))
    }
  }
}
