import Testing

@testable import PolicyLanguage

/// Each code has a page, and what the page shows is what happens.
struct ExplanationTests {
  @Test(arguments: DiagnosticCode.allCases)
  func `the wrong lines have this mistake and no other, the mended ones have none`(
    _ code: DiagnosticCode
  ) {
    let page = code.explanation
    #expect(!page.summary.isEmpty && !page.reason.isEmpty)
    guard let example = page.example else {
      #expect(GoldenDiagnosticsTests.withoutFile.contains(code), "\(code.rawValue) shows nothing")
      return
    }
    let mistakes = example.mistakes
    #expect(!mistakes.isEmpty)
    #expect(mistakes.allSatisfy { $0.code == code && $0.severity == code.severity }, "\(mistakes)")
    #expect(example.diagnostics(of: example.mended) == [])
  }

  @Test func `a page is plain text that shows what is said about the wrong lines`() {
    #expect(
      DiagnosticCode.missingUnit.explanation.plainText == """
        5 could be percent, percentage points, seconds or minutes; reviewer and author
        would each be sure. Durations have ms, s, m, h or d, percentages `%`,
        differences of shares `pp`.

        Wrong:

            steps:
              - canary: { weight: 5 }

        rollout check says:

            expected weight, found '5' without a unit; did you mean '5%'?

        Right:

            steps:
              - canary: { weight: 5% }
        """)
  }

  @Test func `no page has a character that cannot be seen`() {
    for code in DiagnosticCode.allCases {
      let page = code.explanation
      for text in [page.summary, page.plainText, page.markdown] {
        #expect(text.unicodeScalars.allSatisfy { !$0.isForbiddenInPolicy }, "\(code.rawValue)")
      }
    }
    #expect(DiagnosticCode.forbiddenCharacter.explanation.plainText.contains("assis<U+202E>tant"))
  }

  @Test(arguments: [("mising-unit", "missing-unit"), ("unknownkey", "unknown-key"), ("zzz", nil)])
  func `the nearest code is guessed`(_ text: String, _ code: String?) {
    #expect(DiagnosticCode.nearest(to: text)?.rawValue == code)
  }
}
