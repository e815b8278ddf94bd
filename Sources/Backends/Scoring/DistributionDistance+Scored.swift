import Foundation
import OpenAIAPI
import Statistics

extension DistributionDistance {
  /// The distance of two models that each scored one answer in its own tokenisation.
  ///
  /// The ratio of perplexities is exact: both totals are of the same text, and the mean goes over
  /// the tokens of the *reference*, into however many the candidate cut it. Divergence and
  /// agreement are told only where both read the same tokens of one vocabulary; the divergence is
  /// then a lower bound, since of each distribution only some probabilities are known.
  ///
  /// - Returns: `nil` without a token
  package init?(_ reference: ScoredAnswer, _ candidate: ScoredAnswer) {
    guard !reference.places.isEmpty, !candidate.places.isEmpty else { return nil }
    let count = Double(reference.places.count)
    let logRatio = (reference.logProbability - candidate.logProbability) / count
    // Finite, whatever a server calls impossible.
    self.init(
      divergence: nil, isBound: true, perplexityRatio: exp(min(max(logRatio, -700), 700)),
      sameTop: nil, tokens: reference.tokens + candidate.tokens)
    guard Self.haveOneVocabulary(reference, candidate) else { return }
    let pairs = zip(reference.places, candidate.places)
    divergence =
      pairs.reduce(0) { sum, pair in
        sum + PartialDistribution(pair.0).divergenceBound(to: PartialDistribution(pair.1))
      } / count
    let tops = pairs.map { (Self.top(of: $0), Self.top(of: $1)) }
    sameTop = Double(tops.count { $0 == $1 }) / count
  }

  /// Whether both cut the answer into the same tokens, and mean the same by every number that both
  /// tell at one place.
  private static func haveOneVocabulary(_ one: ScoredAnswer, _ other: ScoredAnswer) -> Bool {
    guard one.places.count == other.places.count else { return false }
    return zip(one.places, other.places).allSatisfy { one, other in
      guard one.first?.token == other.first?.token else { return false }
      let spellings = Dictionary(
        other.map { ($0.token, $0.decodedToken) }, uniquingKeysWith: { first, _ in first })
      return one.allSatisfy { entry in
        guard let mine = entry.decodedToken, case let theirs?? = spellings[entry.token] else {
          return true
        }
        return TokenSpelling.isSame(mine, theirs)
      }
    }
  }

  /// The likeliest token that is told, which is the likeliest of all where any but the text's own
  /// is told; of equals the one with the least number.
  private static func top(of place: [PromptLogprobs.Entry]) -> Int? {
    place.max { ($0.logprob, -$0.token) < ($1.logprob, -$1.token) }?.token
  }
}

extension PartialDistribution {
  fileprivate init(_ place: [PromptLogprobs.Entry]) {
    self.init(
      Dictionary(
        place.map { ($0.token, min(0, $0.logprob)) }, uniquingKeysWith: { first, _ in first }))
  }
}
