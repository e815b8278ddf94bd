package import Experimentation
import Statistics

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
    package var timeToFirstTokenSeconds: Quantiles
    package var timePerOutputTokenSeconds: Quantiles
    package var totalSeconds: Quantiles
    /// Means over the pairs in which the model was the candidate; `nil` without one.
    package var tokenAgreement: Double?
    package var prefixAgreement: Double?
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

/// How long a prompt is, in tokens; attention variants differ by it.
package enum PromptBand: Int, Hashable, Sendable, Comparable, CaseIterable {
  /// 0…255
  case short
  /// 256…1023
  case medium
  /// 1024…4095
  case long
  /// 4096 and more
  case veryLong
  /// The model did not say.
  case unknown

  /// The band of a prompt of `tokens`.
  package init(tokens: Int?) {
    self =
      switch tokens {
      case nil: .unknown
      case .some(..<256): .short
      case .some(..<1024): .medium
      case .some(..<4096): .long
      case .some: .veryLong
      }
  }

  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension PromptBand: CustomStringConvertible {
  package var description: String {
    switch self {
    case .short: "0–255"
    case .medium: "256–1023"
    case .long: "1024–4095"
    case .veryLong: "≥ 4096"
    case .unknown: "unknown"
    }
  }
}

/// The answers behind a ``ComparisonTable``, folded one by one: its size hangs on the models, not
/// on the answers.
struct ComparisonTally: Hashable, Sendable {
  private struct Key: Hashable {
    var model: ModelName
    var band: PromptBand
  }

  private struct Cell: Hashable {
    var answers = 0
    var failures = 0
    var timeToFirstToken = QuantileSketch()
    var timePerOutputToken = QuantileSketch()
    var total = QuantileSketch()
    var tokenAgreement = SampleSummary()
    var prefixAgreement = SampleSummary()
  }

  private var cells: [Key: Cell] = [:]

  mutating func add(_ outcome: Outcome) {
    add(
      outcome.measurements, of: outcome.model,
      band: PromptBand(tokens: outcome.measurements.promptTokens))
  }

  /// Takes the candidate's side in; the incumbent's answer has an outcome of its own.
  mutating func add(_ comparison: Comparison) {
    let band = PromptBand(tokens: comparison.incumbentMeasurements.promptTokens)
    add(comparison.candidateMeasurements, of: comparison.candidate, band: band)
    let key = Key(model: comparison.candidate, band: band)
    if let agreement = comparison.tokenAgreement {
      cells[key]?.tokenAgreement.append(agreement)
    }
    if let agreement = comparison.prefixAgreement {
      cells[key]?.prefixAgreement.append(agreement)
    }
  }

  private mutating func add(
    _ measurements: Measurements, of model: ModelName, band: PromptBand
  ) {
    let key = Key(model: model, band: band)
    // Taken out and put back, so that the sketches are changed in place.
    var cell = cells.removeValue(forKey: key) ?? Cell()
    cell.answers += 1
    cell.failures += measurements.value(of: .errorRate) == 1 ? 1 : 0
    if let value = measurements.value(of: .timeToFirstToken) { cell.timeToFirstToken.append(value) }
    if let value = measurements.value(of: .timePerOutputToken) {
      cell.timePerOutputToken.append(value)
    }
    if let value = measurements.value(of: .latency) { cell.total.append(value) }
    cells[key] = cell
  }

  var table: ComparisonTable {
    ComparisonTable(
      lines: cells.map { key, cell in
        ComparisonTable.Line(
          model: key.model, band: key.band, answers: cell.answers, failures: cell.failures,
          timeToFirstTokenSeconds: .init(cell.timeToFirstToken),
          timePerOutputTokenSeconds: .init(cell.timePerOutputToken),
          totalSeconds: .init(cell.total), tokenAgreement: cell.tokenAgreement.mean,
          prefixAgreement: cell.prefixAgreement.mean)
      }
      .sorted { ($0.model, $0.band) < ($1.model, $1.band) })
  }
}
