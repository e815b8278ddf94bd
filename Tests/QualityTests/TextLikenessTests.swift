import Foundation
import Testing

@testable import Quality

/// How much two texts are alike, against other people's code.
@Suite struct TextLikenessTests {
  /// `fixtures/quality/texts.json`.
  struct Pair: Decodable {
    var first: String
    var second: String
    var rougeL: Double
    var tokenF1: Double
    var exactMatch: Double
  }

  static func pairs() throws -> [Pair] {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try JSONDecoder().decode(
      [Pair].self, from: Data(contentsOf: root.appending(path: "fixtures/quality/texts.json")))
  }

  @Test func `they agree with rouge-score and with SQuAD's definition`() throws {
    let pairs = try Self.pairs()
    #expect(pairs.count > 40)
    for pair in pairs {
      // Ratios of small integers on both sides: a few roundings.
      #expect(abs(TextLikeness.rougeL(pair.first, pair.second) - pair.rougeL) < 1e-9)
      #expect(abs(TextLikeness.tokenF1(pair.first, pair.second) - pair.tokenF1) < 1e-9)
      #expect(TextLikeness.exactMatch(pair.first, pair.second) == pair.exactMatch)
    }
  }

  @Test func `no matter which comes first, and a text is like itself`() throws {
    for pair in try Self.pairs() {
      let (first, second) = (pair.first, pair.second)
      for compare in [
        TextLikeness.rougeL, TextLikeness.tokenF1, TextLikeness.exactMatch,
        TextLikeness.lengthRatio,
      ] {
        #expect(compare(first, second) == compare(second, first))
        #expect(compare(first, first) == 1)
      }
    }
  }

  @Test func `bits find what the table of dynamic programming finds`() {
    var seed: UInt64 = 7
    func draw(_ bound: UInt64) -> Int {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((seed >> 33) % bound)
    }
    for _ in 0..<200 {
      let first = (0..<draw(200)).map { _ in draw(9) }
      let second = (0..<draw(200)).map { _ in draw(9) }
      var row = [Int](repeating: 0, count: second.count + 1)
      for element in first {
        var diagonal = 0
        for (index, other) in second.enumerated() {
          let above = row[index + 1]
          row[index + 1] = element == other ? diagonal + 1 : max(above, row[index])
          diagonal = above
        }
      }
      #expect(LongestCommonSubsequence.length(first, second) == row.last)
    }
  }

  @Test func `words beyond the limit are not compared, and lengths are`() {
    let same = Array(repeating: "same", count: AnswerWords.limit).joined(separator: " ")
    #expect(TextLikeness.rougeL(same + " one two", same + " three") == 1)
    #expect(TextLikeness.tokenF1(same + " one two", same + " three") == 1)
    #expect(TextLikeness.exactMatch(same + " one", same + " two") == 0)
    #expect(TextLikeness.lengthRatio(same, same + " " + same) == 0.5)
  }

  @Test func `lengths are counted in words, and in characters where a script has no spaces`() {
    #expect(TextLikeness.lengthRatio("one two, three; four", "one (two)") == 0.5)
    #expect(TextLikeness.lengthRatio("東京は日本", "東京") == 0.4)
    #expect(TextLikeness.lengthRatio("", "one") == 0)
    #expect(TextLikeness.lengthRatio("", "") == 1)
  }
}
