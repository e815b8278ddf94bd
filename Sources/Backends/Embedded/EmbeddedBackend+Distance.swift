import Experimentation
import Foundation
import OpenAIAPI
import Transformer

extension EmbeddedBackend {
  /// Variants of one model read prompt and answer side by side, with the whole of each
  /// distribution: exact, where the likeliest tokens that a score carries along give a bound. It
  /// costs both one more reading of the prompt, at the priority of shadows.
  package func distance(
    from reference: any Backend, along answer: GivenAnswer
  ) async throws(BackendError) -> DistributionDistance? {
    guard let reference = reference as? EmbeddedBackend,
      reference.variant.weights === variant.weights, let trace = answer.trace
    else { return try await scoredDistance(from: reference, along: answer) }
    guard trace.vocabulary == file.digest, !trace.tokens.isEmpty,
      let (tokens, read) = try onlyPrompt(of: answer)
    else { return nil }
    let text = tokens + trace.tokens
    do {
      let comparison = try await engine.compare(
        text, scoringFrom: tokens.count, reference: reference.variant, candidates: [variant],
        priority: .shadow)
      return comparison.candidates.first.flatMap {
        DistributionDistance(comparison.reference, $0, tokens: 2 * text.count)
      }
    } catch let error as TransformerError {
      throw BackendError(error, promptIn: read.field)
    } catch {
      throw BackendError(.cancelled, .clientClosedRequest())
    }
  }

  /// With the 20 likeliest tokens at each place of the answer, which is read in tokens of its own,
  /// behind those of the prompt, as if it were being given.
  package func score(_ answer: GivenAnswer) async throws(BackendError) -> ScoredAnswer? {
    let continuation = file.tokenizer.encode(answer.text, special: false)
    // An echo has the prompt in its text.
    guard !continuation.isEmpty, let (tokens, read) = try onlyPrompt(of: answer), !read.echoes
    else { return nil }
    do {
      let score = try await engine.score(
        prompt: tokens, continuation: continuation, alternatives: Self.alternatives, on: variant,
        priority: .shadow)
      return ScoredAnswer(
        places: score.tokens.map { $0.entries(Self.alternatives, file.tokenizer) },
        tokens: tokens.count + continuation.count)
    } catch let error as TransformerError {
      throw BackendError(error, promptIn: read.field)
    } catch {
      throw BackendError(.cancelled, .clientClosedRequest())
    }
  }

  /// As many as any server is asked for.
  private static var alternatives: Int { ScoringSpecification.maximumLogprobs }

  /// The one prompt that the answer goes on from, in tokens; `nil` where there are several.
  private func onlyPrompt(
    of answer: GivenAnswer
  ) throws(BackendError) -> (tokens: [Token], read: EmbeddedPrompt)? {
    let read: EmbeddedPrompt
    do { read = try EmbeddedPrompt(answer.prompt, file) } catch {
      throw BackendError(.invalidRequest, error)
    }
    guard let tokens = read.prompts.first, read.prompts.count == 1, !tokens.isEmpty else {
      return nil
    }
    return (tokens, read)
  }
}

extension DistributionDistance {
  /// Of whole distributions; `nil` without a token.
  init?(
    _ reference: [Double], _ candidate: [TextComparison.TokenDivergence], tokens: Int
  ) {
    guard !candidate.isEmpty, reference.count == candidate.count else { return nil }
    let count = Double(candidate.count)
    let logRatio = zip(reference, candidate).reduce(0) { $0 + $1.0 - $1.1.logProbability } / count
    self.init(
      divergence: candidate.reduce(0) { $0 + $1.divergence } / count, isBound: false,
      perplexityRatio: exp(logRatio),
      sameTop: Double(candidate.count(where: \.hasSameTop)) / count, tokens: tokens)
  }
}
