import Experimentation
import Foundation
import Testing

@testable import PolicyLanguage

/// What the scan lets through, what it refuses, and that it bounds the work behind it.
struct LexicalScanTests {
  private func scan(_ text: String) -> (codes: [DiagnosticCode], result: LexicalScan.Result?) {
    let log = DiagnosticLog(PolicySource(file: "t.yaml", text: text))
    let result = LexicalScan.scan(text, log: log)
    return (log.diagnostics.map(\.code), result)
  }

  @Test(arguments: [
    "a: b*c & d! << e", "a: \"*x &y !z <<\"", "a: '*x &y !z it''s'", "# *x &y !z\na: b # *x &y",
    "a: [\"*x\", '&y', b!c]", "a: x%y\nb: 5%", "---\na: b", "a: b\r\nc: d\r\n",
    "a: header:x-tenant",
    "a: { b: [c, { d: e }] }", "- a\n- b", "- - a\n  - b", "a: \"x \\\" \\\\ *y\"", "a: b\t# tab\n",
    "a: it's", "a: --- b", "",
  ])
  func `characters that are harmless where they stand are let through`(_ text: String) throws {
    let (codes, result) = scan(text)
    #expect(codes == (text.contains("b\t#") ? [.tab] : []))
    // Nothing is lost: the values that come out are those of the text without masks.
    let scanned = try #require(result)
    #expect(scanned.mask.restore(scanned.text) == text.replacingOccurrences(of: "\t", with: " "))
  }

  @Test(arguments: [
    ("a: &x b", DiagnosticCode.anchor), ("a: *x", .alias), ("*x : b", .alias), ("- *x", .alias),
    ("a: [b, *x]", .alias), ("a: {b: *x}", .alias), ("a: !!int b", .tag), ("a: ! b", .tag),
    ("<<: b", .mergeKey), ("a: { <<: b }", .mergeKey), ("? a", .complexKey),
    ("%TAG ! x", .directive),
    ("a: b\n---\nc: d", .severalDocuments), ("a: b\n...", .severalDocuments),
    ("--- a\n--- b", .severalDocuments), ("\ta: b", .tab), ("a:\tb", .tab),
    ("a: |\n b", .blockText),
    ("a: >-\n b", .blockText), ("a: \"b", .unclosedQuote), ("a: 'b\n  c'", .unclosedQuote),
    ("a: \"\\x41\"", .unsupportedEscape), ("a: \u{85}", .forbiddenCharacter),
    ("\u{FEFF}a: b", .forbiddenCharacter), ("a: \u{F0001}", .forbiddenCharacter),
    ("a: \0", .forbiddenCharacter),
  ])
  func `what a policy must not use is refused`(_ text: String, _ code: DiagnosticCode) {
    #expect(scan(text).codes == [code])
  }

  /// Lists of nine aliases to lists of nine aliases, eight deep, in less than 300 bytes; the second
  /// uses the last as a key, which a parser has to expand while it composes.
  @Test(.timeLimit(.minutes(1)), arguments: ["", "*h : 1\n"])
  func `alias bombs never reach the parser`(_ ending: String) throws {
    var bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n"
    for (last, next) in zip("abcdefg", "bcdefgh") {
      bomb += "\(next): &\(next) [" + Array(repeating: "*\(last)", count: 9).joined(separator: ",")
      bomb += "]\n"
    }
    bomb += ending
    let (codes, result) = scan(bomb)
    #expect(Set(codes) == [.anchor, .alias])
    // What the parser may see has nothing in it that could be expanded.
    #expect(result.map { !$0.text.contains("*") && !$0.text.contains("&") } ?? true)
    let clock = ContinuousClock()
    let elapsed = clock.measure { #expect(Sample.codes(bomb).contains(.alias)) }
    // Expanded, it takes more than ten seconds; refused, less than a hundredth of one.
    #expect(elapsed < .seconds(1))
  }

  @Test func `text that the scan takes for quoted cannot smuggle an alias`() {
    // The parser sees the quote inside a word that began in the line before, the scan does not.
    let text = "a: [foo\n  \"bar, *x, baz\"]\n"
    #expect(scan(text).result?.text.contains("*") == false)
  }

  @Test func `depth, number and size are bounded`() {
    #expect(scan(String(repeating: "[", count: 100_000)).codes == [.tooDeep])
    #expect(scan("a: [" + String(repeating: "b, ", count: 20_000) + "]").codes == [.tooManyValues])
    #expect(scan(String(repeating: "- ", count: 100) + "a").codes == [.tooDeep])
    let large = String(repeating: "# comment\n", count: PolicySource.maximumBytes / 10 + 1)
    #expect(Sample.codes(large) == [.fileTooLarge])
    let staircase = (0..<500).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
    #expect(scan(staircase).codes == [.tooDeep])
  }

  @Test func `mistakes are bounded too`() {
    let keys = (0..<500).map { "wrong\($0): 1\n" }.joined()
    let codes = Sample.codes(Sample.rollout + "\n" + keys)
    #expect(codes.count == DiagnosticLog.maximum + 1)
    #expect(codes.contains(.tooManyMistakes))
  }

  @Test func `keys that repeat are found wherever they are, and hide nothing`() {
    let text = Sample.rollout(replacing: "name: assistant", with: "name: a\nname: b\nname: c")
      .replacingOccurrences(of: "unit: user", with: "unit: user, unit: session")
      .replacingOccurrences(of: "maxIncrease: 5pp", with: "maxIncrease: 5")
    #expect(Sample.codes(text) == [.duplicateKey, .duplicateKey, .duplicateKey, .missingUnit])
    // A key that begins with an escape cannot be masked; the parser finds it repeated.
    #expect(Sample.codes("\"\\\"a\": 1\n\"\\\"a\": 2\n") == [.duplicateKey])
  }
}
