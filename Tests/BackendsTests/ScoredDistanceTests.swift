import Backends
import Experimentation
import Foundation
import OpenAIAPI
import Testing

/// What follows from two models' scores of one answer, beside the exact distance of whole
/// distributions, on the real weights.
@Suite(.serialized) struct ScoredDistanceTests {
  private static let questions = [
    "Write two sentences about the sea.",
    "Explain in three sentences why the sky is blue and sunsets are red.",
    "List four things to pack for a week in the mountains, with a reason for each of them.",
  ]

  private struct Pair {
    var exact: DistributionDistance
    var reference: ScoredAnswer
    var candidate: ScoredAnswer
  }

  /// Both readings of the answers that the dense variant gives to the questions.
  private func pairs(_ attention: AttentionSpecification) async throws -> [Pair] {
    let dense = try EmbeddedModel.backend("dense")
    let other = try EmbeddedModel.backend("other", attention: attention)
    var pairs: [Pair] = []
    for question in Self.questions {
      let answer = try await dense.given(question)
      pairs.append(
        Pair(
          exact: try #require(try await other.distance(from: dense, along: answer)),
          reference: try #require(try await dense.score(answer)),
          candidate: try #require(try await other.score(answer))))
    }
    return pairs
  }

  /// Windows that forget a little, some and much of the prompt.
  @Test(arguments: [64, 32, 16])
  func `the bound stays below the divergence, and the rest is exact`(window: Int) async throws {
    let pairs = try await pairs(.slidingWindow(window: window, sinks: window == 16 ? 0 : 4))
    // The shares of the divergence that 1, 5 and 20 tokens tell, over all answers.
    for (count, least) in [(1, 0.02), (5, 0.1), (20, 0.2)] {
      var (bounds, truths) = (0.0, 0.0)
      for pair in pairs {
        let scored = try #require(
          DistributionDistance(pair.reference.telling(count), pair.candidate.telling(count)))
        let truth = try #require(pair.exact.divergence)
        let bound = try #require(scored.divergence)
        #expect(scored.isBound && !pair.exact.isBound)
        // Read in chunks of other sizes, so that sums have another order: 1e-4 of a logarithm.
        #expect(bound <= truth + 1e-4)
        #expect(abs(log(scored.perplexityRatio / pair.exact.perplexityRatio)) < 1e-3)
        let places = Double(pair.reference.places.count)
        #expect(abs((scored.sameTop ?? 0) - (pair.exact.sameTop ?? 1)) <= 1.01 / places)
        bounds += bound
        truths += truth
      }
      #expect(bounds / truths > least, "\(count) of window \(window): \(bounds / truths)")
    }
  }

  @Test func `of other tokens the ratio of perplexities is told and nothing else`() throws {
    let reference = ScoredAnswer(
      places: [[entry(1, "sea", -1)], [entry(2, "side", -3)]], tokens: 10)
    let candidate = ScoredAnswer(places: [[entry(7, "seaside", -2)]], tokens: 9)
    let distance = try #require(DistributionDistance(reference, candidate))
    #expect(distance.divergence == nil && distance.sameTop == nil && distance.tokens == 19)
    // (−4 − −2) over the reference's two tokens.
    #expect(abs(distance.perplexityRatio - exp(-1)) < 1e-12)
  }

  @Test func `equal numbers that are spelled otherwise are of two vocabularies`() throws {
    let reference = ScoredAnswer(places: [[entry(1, " sea", -1), entry(5, "x", -2)]], tokens: 1)
    let same = ScoredAnswer(places: [[entry(1, "sea", -1), entry(5, " x", -2)]], tokens: 1)
    let other = ScoredAnswer(places: [[entry(1, "sea", -1), entry(5, "y", -2)]], tokens: 1)
    #expect(DistributionDistance(reference, same)?.sameTop == 1)
    #expect(DistributionDistance(reference, other)?.divergence == nil)
  }

  @Test func `a token that one calls impossible leaves a ratio that is a number`() throws {
    let reference = ScoredAnswer(places: [[entry(1, "a", -1)]], tokens: 1)
    let candidate = ScoredAnswer(
      places: [[entry(1, "a", TokenLogprob.unlikely), entry(2, "b", 0)]], tokens: 1)
    let distance = try #require(DistributionDistance(reference, candidate))
    #expect(distance.perplexityRatio.isFinite && distance.perplexityRatio > 1e300)
    #expect(distance.divergence?.isFinite == true && distance.sameTop == 0)
    #expect(DistributionDistance(reference, ScoredAnswer(places: [], tokens: 0)) == nil)
  }

  private func entry(_ token: Int, _ text: String, _ logprob: Double) -> PromptLogprobs.Entry {
    PromptLogprobs.Entry(token: token, logprob: logprob, rank: nil, decodedToken: text)
  }
}

extension ScoredAnswer {
  /// As if no more than the `count` likeliest tokens had been told, beside the answer's own.
  fileprivate func telling(_ count: Int) -> ScoredAnswer {
    var copy = self
    copy.places = places.map { place in
      place.prefix(1) + place.dropFirst().filter { ($0.rank ?? 0) <= count }
    }
    return copy
  }
}

extension Backend {
  /// A short greedy answer to a question in chat, as a shadow is given it.
  func given(_ question: String, maxTokens: Int = 32) async throws -> GivenAnswer {
    let request = ChatCompletionRequest.greedy(question, maxTokens: maxTokens)
    let answer = try await collect(Call(request))
    return GivenAnswer(
      to: .chat(request), answer.text(), trace: answer.summary?.trace, requestID: "req-1",
      deadline: .now + .seconds(30))
  }
}
