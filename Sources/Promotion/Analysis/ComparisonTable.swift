package import Experimentation
import Statistics
package import Storage

/// How the models of a rollout did, for people: one line per model and length of prompt.
///
/// Drawn from every answer of the run, whatever the step's weights: for orientation only. Gates
/// never read it, since pooling over changing weights is Simpson's paradox.
package struct ComparisonTable: Hashable, Sendable {
  /// By model, then by prompt length; only lines with answers.
  package var lines: [Line]

  package init(lines: [Line] = []) {
    self.lines = lines
  }

  /// One model at one length of prompt. Quantiles are within 1 %, and `nil` without values.
  package struct Line: Hashable, Sendable {
    package var model: ModelName
    package var band: PromptBand
    /// Answers, live ones and shadows together; failures are among them.
    package var answers: Int
    /// Answers that failed by the model's own fault.
    package var failures: Int
    /// Behind other work: reported apart, in no other time.
    package var queueSeconds: Quantiles
    package var timeToFirstTokenSeconds: Quantiles
    package var timePerOutputTokenSeconds: Quantiles
    package var totalSeconds: Quantiles
    /// Means over the pairs in which the model was the candidate; `nil` without one.
    package var tokenAgreement: Double?
    package var prefixAgreement: Double?
    /// Mean cost of an answer; `nil` for a model without a price.
    package var cost: Double?
  }

  /// The middle and the slow end of a sample.
  package struct Quantiles: Hashable, Sendable {
    package var p50: Double?
    package var p95: Double?

    fileprivate init(_ sketch: QuantileSketch) {
      p50 = sketch.estimate(0.5)
      p95 = sketch.estimate(0.95)
    }
  }
}

extension ComparisonTable {
  /// The lines that the rollups of one run add up to, over all of its steps.
  package init(_ rollups: [OutcomeRollup.Key: OutcomeRollup]) {
    struct Place: Hashable {
      var model: ModelName
      var band: PromptBand
    }
    let sums = rollups.reduce(into: [Place: OutcomeRollup]()) { sums, entry in
      let place = Place(model: entry.key.model, band: entry.key.band)
      sums[place] = sums[place].map { $0 + entry.value } ?? entry.value
    }
    self.init(
      lines: sums.map { place, sum in
        Line(
          model: place.model, band: place.band, answers: sum.answers, failures: sum.errors,
          queueSeconds: Quantiles(sum.queueSeconds),
          timeToFirstTokenSeconds: Quantiles(sum.timeToFirstTokenSeconds),
          timePerOutputTokenSeconds: Quantiles(sum.timePerOutputTokenSeconds),
          totalSeconds: Quantiles(sum.totalSeconds), tokenAgreement: sum.tokenAgreement.mean,
          prefixAgreement: sum.prefixAgreement.mean, cost: sum.cost.mean)
      }
      .sorted { ($0.model, $0.band) < ($1.model, $1.band) })
  }
}
