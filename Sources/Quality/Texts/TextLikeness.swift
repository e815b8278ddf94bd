package import Experimentation

/// How much two answers to one prompt are alike, by their texts alone.
///
/// All are shares in 0…1 and symmetric; two empty answers are alike. What is the same thing in
/// other words is not seen by any of them.
package enum TextLikeness {
  /// The value of `metric`, or `nil` for one that does not come from texts.
  package static func value(of metric: Metric, _ first: String, _ second: String) -> Double? {
    switch metric {
    case .exactMatch: exactMatch(first, second)
    case .tokenF1: tokenF1(first, second)
    case .rougeL: rougeL(first, second)
    case .lengthRatio: lengthRatio(first, second)
    default: nil
    }
  }

  /// 1 when both have the same words, 0 otherwise; see ``AnswerWords/normalised(_:limit:)``.
  package static func exactMatch(_ first: String, _ second: String) -> Double {
    AnswerWords.normalised(first) == AnswerWords.normalised(second) ? 1 : 0
  }

  /// 2c / (m + n), for c words in common, each as often as both have it, of m and n: F1 over bags
  /// of words (Rajpurkar et al. 2016, section 6.1), of the first ``AnswerWords/limit`` words.
  package static func tokenF1(_ first: String, _ second: String) -> Double {
    let left = AnswerWords.normalised(first, limit: AnswerWords.limit)
    let right = AnswerWords.normalised(second, limit: AnswerWords.limit)
    var counts: [String: Int] = [:]
    for word in left { counts[word, default: 0] += 1 }
    var common = 0
    for word in right {
      guard let count = counts[word], count > 0 else { continue }
      counts[word] = count - 1
      common += 1
    }
    return share(common, of: left.count, and: right.count)
  }

  /// 2ℓ / (m + n) for a longest common subsequence of ℓ words: ROUGE-L's F-measure with β = 1 (Lin
  /// 2004, section 3.1), of the first ``AnswerWords/limit`` words.
  package static func rougeL(_ first: String, _ second: String) -> Double {
    let left = AnswerWords.runs(of: first)
    let right = AnswerWords.runs(of: second)
    return share(LongestCommonSubsequence.length(left, right), of: left.count, and: right.count)
  }

  /// Words of the shorter answer over those of the longer.
  package static func lengthRatio(_ first: String, _ second: String) -> Double {
    let (left, right) = (AnswerWords.count(in: first), AnswerWords.count(in: second))
    let longer = max(left, right)
    return longer == 0 ? 1 : Double(min(left, right)) / Double(longer)
  }

  /// The harmonic mean of c/m and c/n.
  private static func share(_ common: Int, of first: Int, and second: Int) -> Double {
    first + second == 0 ? 1 : 2 * Double(common) / Double(first + second)
  }
}
