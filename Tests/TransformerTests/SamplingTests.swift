import Foundation
import Testing

@testable import Transformer

/// Samples one token from a copy of the logits.
func sample(_ sampler: inout Sampler, _ logits: [Float]) throws -> SampledToken {
  var logits = logits
  return try logits.withUnsafeMutableBufferPointer { try sampler.sample(logits: $0) }
}

struct Sampling {
  @Test func `greedy takes the greatest logit, and of equals the least id`() throws {
    var sampler = Sampler(.greedy)
    #expect(try sample(&sampler, [0, 3, -1, 3]).token == 1)
    #expect(try sample(&sampler, [-.infinity, -.infinity, -7]).token == 2)
    #expect(try sample(&sampler, [5]).token == 0)
  }

  @Test func `the same seed gives the same tokens, another seed others`() throws {
    func tokens(seed: UInt64) throws -> [Token] {
      var sampler = try Sampler(SamplingOptions(topP: 0.95, frequencyPenalty: 0.1, seed: seed))
      var random = SplitMix64(seed: 9)
      return try (0..<50).map { _ in try sample(&sampler, random.logits(200)).token }
    }
    #expect(try tokens(seed: 1) == tokens(seed: 1))
    #expect(try tokens(seed: 1) != tokens(seed: 2))
  }

  @Test func `the logits are left as they were`() throws {
    var random = SplitMix64(seed: 5)
    let before = random.logits(100)
    var logits = before
    var sampler = try Sampler(
      SamplingOptions(
        topK: 20, topP: 0.9, repetitionPenalty: 1.3, presencePenalty: 0.5, frequencyPenalty: 0.5,
        logitBias: [3: -100, 4: 20], logProbabilities: 5))
    sampler.observe(prompt: [1, 2, 3])
    for _ in 0..<20 {
      try logits.withUnsafeMutableBufferPointer { _ = try sampler.sample(logits: $0) }
      #expect(logits == before)
    }
  }

  @Test func `NaN, +∞ and a distribution without tokens are errors, whatever the options`() throws {
    let broken: [[Float]] = [
      [1, .nan, 2], [.nan], [1, .infinity], [-.infinity, -.infinity], [],
      [Float](repeating: 0, count: 100) + [.nan],
    ]
    for options in [
      SamplingOptions.greedy, try SamplingOptions(), try SamplingOptions(topK: 2),
      try SamplingOptions(topP: 0.5), try SamplingOptions(logProbabilities: 2),
    ] {
      var sampler = Sampler(options)
      for logits in broken {
        #expect { try sample(&sampler, logits) } throws: {
          ($0 as? TransformerError)?.code == .notANumber
        }
      }
      // A failed draw leaves nothing behind.
      #expect(try sample(&sampler, [0, 30]).token == 1)
    }
  }

  @Test func `extreme but finite logits are drawn from`() throws {
    let greatest = Float.greatestFiniteMagnitude
    for options in [
      try SamplingOptions(temperature: 0.001), try SamplingOptions(topP: 0.1),
      try SamplingOptions(topK: 1), try SamplingOptions(temperature: 1e-300, minP: 1),
    ] {
      var sampler = Sampler(options)
      #expect(try sample(&sampler, [-greatest, greatest, 0]).token == 1)
    }
  }

  @Test func `a bias of 100 forces a token and one of −100 forbids it`() throws {
    var forcing = try Sampler(SamplingOptions(logitBias: [7: 100]))
    var forbidding = try Sampler(SamplingOptions(logitBias: [0: -100]))
    var random = SplitMix64(seed: 6)
    for _ in 0..<50 {
      #expect(try sample(&forcing, random.logits(20)).token == 7)
      #expect(try sample(&forbidding, [3] + random.logits(5)).token != 0)
    }
    var outside = try Sampler(SamplingOptions(logitBias: [20: 1]))
    #expect { try sample(&outside, random.logits(20)) } throws: {
      ($0 as? TransformerError)?.code == .invalidRequest
    }
  }

  @Test func `penalties follow their formulas`() throws {
    // Greedy with penalties: temperature 0 takes the best of what they leave.
    var frequency = try Sampler(SamplingOptions(temperature: 0, frequencyPenalty: 1))
    // Token 0 leads by 2.5, so that it is drawn until it was drawn three times.
    let tokens = try (0..<5).map { _ in try sample(&frequency, [2.5, 0]).token }
    #expect(tokens == [0, 0, 0, 1, 0] || tokens == [0, 0, 0, 1, 1])
    var presence = try Sampler(SamplingOptions(temperature: 0, presencePenalty: 1))
    #expect(try (0..<4).map { _ in try sample(&presence, [0.5, 0]).token } == [0, 1, 0, 0])
    // Only the answer counts for presence and frequency, the prompt for repetition as well.
    presence = try Sampler(SamplingOptions(temperature: 0, presencePenalty: 1))
    presence.observe(prompt: [0])
    #expect(try sample(&presence, [0.5, 0]).token == 0)
    var repetition = try Sampler(SamplingOptions(temperature: 0, repetitionPenalty: 2))
    repetition.observe(prompt: [0])
    #expect(try sample(&repetition, [3, 1.6]).token == 1)
    // Negative logits are multiplied: −1 becomes −2, below −1.5.
    repetition = try Sampler(SamplingOptions(temperature: 0, repetitionPenalty: 2))
    repetition.observe(prompt: [0])
    #expect(try sample(&repetition, [-1, -1.5]).token == 1)
  }

  @Test func `log-probabilities are those of the model, whatever was drawn from`() throws {
    var random = SplitMix64(seed: 7)
    let logits = random.logits(1_000)
    var sampler = try Sampler(
      SamplingOptions(
        temperature: 0.3, topK: 5, presencePenalty: 2, logitBias: [17: 50], logProbabilities: 3))
    let total = logitSum(logits)
    for _ in 0..<10 {
      let sampled = try sample(&sampler, logits)
      // Single-precision exponentials: a relative error of 10⁻⁶ in their sum.
      let expected = Double(logits[Int(sampled.token)]) - total
      #expect(abs(try #require(sampled.logProbability) - expected) < 1e-5)
      let best = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(3)
      #expect(sampled.alternatives.map(\.token) == best.map { Token($0) })
      for alternative in sampled.alternatives {
        let expected = Double(logits[Int(alternative.token)]) - total
        #expect(abs(alternative.logProbability - expected) < 1e-5)
      }
    }
    var silent = try Sampler(SamplingOptions())
    #expect(try sample(&silent, logits).logProbability == nil)
    var alone = try Sampler(SamplingOptions(temperature: 0, logProbabilities: 0))
    #expect(try sample(&alone, logits).alternatives == [])
  }

  @Test func `options outside their ranges are refused by name, all at once`() {
    #expect {
      try SamplingOptions(
        temperature: .nan, topK: 0, topP: 1.1, minP: -0.1, repetitionPenalty: 0,
        presencePenalty: 3, frequencyPenalty: .infinity, logitBias: [-1: 0, 5: 101],
        logProbabilities: 21)
    } throws: {
      guard let error = $0 as? TransformerError, error.code == .invalidRequest else { return false }
      return [
        "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "presence_penalty",
        "frequency_penalty", "token -1", "token 5", "top_logprobs",
      ].allSatisfy(error.message.contains)
    }
    #expect(throws: TransformerError.self) {
      try SamplingOptions(
        logitBias: Dictionary(uniqueKeysWithValues: (0..<1_025).map { (Token($0), 0) }))
    }
  }

  private func logitSum(_ logits: [Float]) -> Double {
    let greatest = Double(logits.max() ?? 0)
    return greatest + log(logits.reduce(0) { $0 + exp(Double($1) - greatest) })
  }
}

extension SplitMix64 {
  /// Logits with the spread of a real model's, none equal to another.
  mutating func logits(_ count: Int) -> [Float] {
    // The sum of four uniform numbers is near enough to a bell.
    (0..<count).map { _ in
      Float((uniform() + uniform() + uniform() + uniform() - 2) * 6)
    }
  }
}
