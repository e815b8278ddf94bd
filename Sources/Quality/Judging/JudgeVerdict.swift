/// What a judge says of two answers, in the order in which it saw them.
package enum JudgeVerdict: String, Hashable, Sendable, CaseIterable {
  case first = "FIRST"
  case second = "SECOND"
  case tie = "TIE"

  /// Reads the verdict, which must be the last line that is not empty, letter by letter.
  ///
  /// An answer that asks for a verdict cannot give one: it does not know the nonce, which was drawn
  /// after it was written, and what a judge quotes stands before its last line.
  ///
  /// - Returns: `nil` for anything else
  package init?(_ text: String, nonce: String) {
    guard
      let last = text.split(whereSeparator: \.isNewline).last(where: { line in
        line.contains { !$0.isWhitespace }
      })
    else { return nil }
    let words = last.split(separator: " ").map(String.init)
    guard words.count == 3, words[0] == Self.mark, words[1] == nonce else { return nil }
    self.init(rawValue: words[2])
  }

  /// How the line begins.
  static let mark = "VERDICT"

  /// The line that means it.
  package func line(nonce: String) -> String { "\(Self.mark) \(nonce) \(rawValue)" }
}

/// What two verdicts on one pair come to, with the answers in either order.
///
/// Judges favour a place, mostly the first, and the more so the closer the answers are (Zheng et
/// al. 2023, section 3.3). Asked both ways the favour cancels.
package enum JudgedPair: String, Hashable, Sendable, CaseIterable {
  case candidate, incumbent, tie
  /// One order said one model, the other the other: a tie, and counted apart, since many of them
  /// say that the judge cannot tell.
  case contradiction

  /// How much the candidate is preferred, 0…1, and what to call it.
  ///
  /// A verdict against a tie counts as half of one.
  ///
  /// - Parameters:
  ///   - direct: with the incumbent's answer first
  ///   - swapped: with the candidate's answer first
  package static func preference(
    direct: JudgeVerdict, swapped: JudgeVerdict
  ) -> (value: Double, kind: JudgedPair) {
    let value = (share(direct) + 1 - share(swapped)) / 2
    if value > 0.5 { return (value, .candidate) }
    if value < 0.5 { return (value, .incumbent) }
    return (value, direct == .tie ? .tie : .contradiction)
  }

  /// Of the answer that was shown second.
  private static func share(_ verdict: JudgeVerdict) -> Double {
    switch verdict {
    case .first: 0
    case .second: 1
    case .tie: 0.5
    }
  }
}
