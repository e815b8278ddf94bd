import Statistics
package import Transformer

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Perplexity of variants of one model, and their divergence from a reference, on the same texts.
package struct PerplexityEvaluation: Sendable {
  private let engine: Engine
  private let reference: ModelVariant
  private let candidates: [ModelVariant]

  /// - Parameters:
  ///   - reference: what the candidates are measured against
  ///   - candidates: of the same weights; at most `Engine.candidateLimit`
  package init(engine: Engine, reference: ModelVariant, candidates: [ModelVariant]) {
    self.engine = engine
    self.reference = reference
    self.candidates = candidates
  }

  /// Reads the windows, one after the other.
  ///
  /// - Returns: the reference's report, then those of the candidates in their order.
  /// - Throws: `tooShort` if a variant's context is; what the engine throws; `CancellationError`.
  package func run(
    _ windows: TextWindows, progress: (EvaluationProgress) -> Void
  ) async throws -> [PerplexityReport] {
    for variant in [reference] + candidates { try variant.checkContext(windows.context) }
    var tallies = [DivergenceTally](repeating: DivergenceTally(), count: candidates.count)
    var referenceSum = 0.0
    var scored = 0
    for (index, window) in windows.windows.enumerated() {
      try Task.checkCancellation()
      progress(
        EvaluationProgress(
          length: windows.context, what: "windows", done: index, total: windows.windows.count))
      let comparison = try await engine.compare(
        window, scoringFrom: windows.firstScored, reference: reference, candidates: candidates)
      referenceSum += comparison.reference.reduce(0, +)
      scored += comparison.tokens.count
      for candidate in candidates.indices {
        tallies[candidate].add(
          comparison.candidates[candidate], reference: comparison.reference)
      }
    }
    let own = report(reference, windows, scored, logProbabilitySum: referenceSum, nil)
    return [own]
      + zip(candidates, tallies).map { variant, tally in
        report(variant, windows, scored, logProbabilitySum: tally.logProbabilitySum, tally)
      }
  }

  private func report(
    _ variant: ModelVariant, _ windows: TextWindows, _ scored: Int, logProbabilitySum: Double,
    _ tally: DivergenceTally?
  ) -> PerplexityReport {
    PerplexityReport(
      variant: variant.name, context: windows.context, stride: windows.stride,
      keysSeen: variant.attention.keysSeen(length: windows.context),
      windows: windows.windows.count, scoredTokens: scored,
      blocks: windows.windows.count * max(1, windows.stride / DivergenceTally.blockTokens),
      perplexity: exp(-logProbabilitySum / Double(scored)),
      difference: tally.map {
        PerplexityReport.Difference(
          logRatio: Self.estimate($0.logRatios),
          meanDivergence: Self.estimate($0.blockDivergences, in: 0...Double.infinity),
          divergence99: $0.percentile99, sameTop: Self.estimate($0.sameTops, in: 0...1))
      })
  }

  private static func estimate(
    _ blocks: [Double], in range: ClosedRange<Double> = -Double.infinity...Double.infinity
  ) -> PerplexityReport.Estimate {
    let interval = FixedSampleInterval(meanOf: blocks)
    return PerplexityReport.Estimate(
      estimate: blocks.reduce(0, +) / Double(blocks.count),
      lower: interval.map { max(range.lowerBound, $0.lower) },
      upper: interval.map { min(range.upperBound, $0.upper) })
  }
}
