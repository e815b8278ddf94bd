import Testing
import Transformer

@testable import Evaluation

/// Which tokens of a text are scored, after how much of it.
struct TextWindowsTests {
  @Test func `windows slide by the stride, and no token is scored twice`() throws {
    let text = (0..<1_000).map { Token($0) }
    let windows = try TextWindows([text], context: 200, stride: 80, scoredTokens: 10_000)
    let scored = windows.windows.flatMap { $0[windows.firstScored...] }
    // 11 windows begin at 0, 80 … 800; the first 120 tokens have too little before them.
    #expect(windows.windows.count == 11)
    #expect(scored == (120..<1_000).map { Token($0) })
  }

  @Test func `texts take turns until there is enough, and each has one window at least`() throws {
    let texts = [0, 1_000].map { start in (start..<start + 300).map { Token($0) } }
    func starts(_ scoredTokens: Int) throws -> [Token] {
      try TextWindows(texts, context: 100, stride: 50, scoredTokens: scoredTokens)
        .windows.map { $0[0] }
    }
    #expect(try starts(1) == [0, 1_000])
    #expect(try starts(101) == [0, 1_000, 50])
    #expect(try starts(200) == [0, 1_000, 50, 1_050])
    #expect(try starts(100_000).count == 10)
  }

  @Test func `a text that is too short is named, and so is a stride without meaning`() {
    let error = #expect(throws: EvaluationError.self) {
      try TextWindows([[1, 2, 3, 4], [1, 2]], context: 3, stride: 1, scoredTokens: 1)
    }
    #expect(error?.code == .tooShort)
    #expect(error?.message.contains("text 2 has 2 tokens") == true)
    for stride in [0, 3, -1] {
      #expect(throws: EvaluationError.self) {
        try TextWindows([[1, 2, 3, 4]], context: 3, stride: stride, scoredTokens: 1)
      }
    }
  }
}
