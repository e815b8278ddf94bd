import Backends
import Quality
import Testing

@Suite struct AgreementTests {
  // MARK: Tokens

  private func trace(_ top: [Int32]) -> TokenTrace {
    // What was drawn does not matter, only what was ranked first.
    TokenTrace(vocabulary: "v", tokens: top.map { $0 + 1_000 }, top: top)
  }

  @Test func `token agreement is the share of places with the same first rank`() {
    #expect(TokenAgreement.share(of: trace([1, 2, 3, 4]), top: [1, 2, 3, 4]) == 1)
    #expect(TokenAgreement.share(of: trace([1, 2, 3, 4]), top: [1, 9, 3, 4]) == 0.75)
    #expect(TokenAgreement.share(of: trace([1, 2, 3, 4]), top: [9, 9, 9, 4]) == 0.25)
    #expect(TokenAgreement.share(of: trace([1]), top: [2]) == 0)
  }

  @Test func `a difference counts once, wherever it is`() {
    let same = Array(repeating: Int32(7), count: 100)
    for place in [0, 50, 99] {
      var other = same
      other[place] = 8
      #expect(TokenAgreement.share(of: trace(same), top: other) == 0.99)
    }
  }

  @Test func `places are compared, not sets`() {
    #expect(TokenAgreement.share(of: trace([1, 2, 3]), top: [3, 1, 2]) == 0)
  }

  @Test func `nothing to compare is no agreement and no disagreement`() {
    #expect(TokenAgreement.share(of: trace([]), top: []) == nil)
    #expect(TokenAgreement.share(of: trace([1, 2]), top: [1]) == nil)
    #expect(TokenAgreement.share(of: trace([1]), top: [1, 2]) == nil)
    #expect(TokenAgreement.share(of: trace([]), top: [1]) == nil)
  }

  // MARK: Words

  struct Pair: Sendable, CustomTestStringConvertible {
    let first: String
    let second: String
    let share: Double
    var testDescription: String { "'\(first)' and '\(second)'" }
  }

  @Test(arguments: [
    Pair(first: "the cat sat", second: "the cat sat", share: 1),
    // Two of three words before they part; what follows the difference does not count.
    Pair(first: "the cat sat", second: "the cat ran", share: 2.0 / 3),
    Pair(first: "a cat sat", second: "the cat sat", share: 0),
    // Over the longer one.
    Pair(first: "the cat", second: "the cat sat down", share: 0.5),
    Pair(first: "the cat sat down", second: "the cat", share: 0.5),
    Pair(first: "  the\n\tcat ", second: "the cat", share: 1),
    Pair(first: "The cat", second: "the cat", share: 0),
    Pair(first: "cat.", second: "cat", share: 0),
    Pair(first: "", second: "", share: 1),
    Pair(first: " \n", second: "", share: 1),
    Pair(first: "", second: "word", share: 0),
    Pair(first: "naïve 🌱", second: "naïve 🌱", share: 1),
  ])
  func `prefix agreement is the common beginning over the longer answer, in words`(pair: Pair) {
    #expect(PrefixAgreement.share(of: pair.first, and: pair.second) == pair.share)
  }

  @Test func `prefix agreement is the same both ways and a share`() {
    let texts = ["", "a", "a b", "a b c", "b", "a c", "a b d e", " a  b "]
    for first in texts {
      for second in texts {
        let share = PrefixAgreement.share(of: first, and: second)
        #expect((0...1).contains(share))
        #expect(share == PrefixAgreement.share(of: second, and: first))
      }
    }
  }
}
