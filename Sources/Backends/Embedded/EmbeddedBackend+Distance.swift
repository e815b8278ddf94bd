import Experimentation
import Foundation
import OpenAIAPI
import Transformer

extension EmbeddedBackend {
  /// Both variants read prompt and answer side by side, with the whole of each distribution: exact,
  /// where the likeliest tokens that an answer could carry along would give a bound. It costs both
  /// one more reading of the prompt, at the priority of shadows.
  package func distance(
    from reference: any Backend, after prompt: Call.Prompt, along answer: TokenTrace
  ) async throws(BackendError) -> DistributionDistance? {
    guard let reference = reference as? EmbeddedBackend, answer.vocabulary == file.digest,
      reference.variant.weights === variant.weights, !answer.tokens.isEmpty
    else { return nil }
    let read: EmbeddedPrompt
    do { read = try EmbeddedPrompt(prompt, file) } catch {
      throw BackendError(.invalidRequest, error)
    }
    guard let tokens = read.prompts.first, read.prompts.count == 1, !tokens.isEmpty else {
      return nil
    }
    let text = tokens + answer.tokens
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
}

extension DistributionDistance {
  /// `nil` without a token.
  init?(
    _ reference: [Double], _ candidate: [TextComparison.TokenDivergence], tokens: Int
  ) {
    guard !candidate.isEmpty, reference.count == candidate.count else { return nil }
    let count = Double(candidate.count)
    let logRatio = zip(reference, candidate).reduce(0) { $0 + $1.0 - $1.1.logProbability } / count
    self.init(
      divergence: candidate.reduce(0) { $0 + $1.divergence } / count,
      perplexityRatio: exp(logRatio), tokens: tokens)
  }
}
