import Experimentation

/// A field of a recorded line: a key that `rollout export` writes.
struct TraceField: Hashable, Sendable {
  let index: Int

  private init(_ index: Int) { self.index = index }

  static let requestID = TraceField(0)
  static let route = TraceField(1)
  static let rollout = TraceField(2)
  static let run = TraceField(3)
  static let step = TraceField(4)
  static let atMilliseconds = TraceField(5)
  static let unitHash = TraceField(6)
  static let propensity = TraceField(7)
  static let labels = TraceField(8)
  static let model = TraceField(9)
  static let incumbent = TraceField(10)
  static let candidate = TraceField(11)
  static let tokenAgreement = TraceField(12)
  static let prefixAgreement = TraceField(13)
  /// Of feedback, which is no part of a trace.
  static let metric = TraceField(14)

  private static let singles = [
    "request_id", "route", "rollout", "run", "step", "at_milliseconds", "unit_hash", "propensity",
    "labels", "model", "incumbent", "candidate", "token_agreement", "prefix_agreement", "metric",
  ]
  private static let measurements = [
    "queue_seconds", "time_to_first_token_seconds", "time_per_output_token_seconds",
    "total_seconds", "prompt_tokens", "cached_prompt_tokens", "output_tokens", "finish_reason",
    "failure", "cost", "revision", "scores",
  ]

  /// Whose measurements: of an outcome, or of one side of a pair.
  enum Side: Int, CaseIterable {
    case outcome, incumbent, candidate

    var prefix: String { self == .outcome ? "" : "\(self)_" }
  }

  /// What was measured of one answer.
  enum Measurement: Int, CaseIterable {
    case queueSeconds, timeToFirstToken, timePerOutputToken, totalSeconds, promptTokens
    case cachedPromptTokens, outputTokens, finishReason, failure, cost, revision
    /// Of a pair, those without a side are its own.
    case scores
  }

  static func of(_ measurement: Measurement, _ side: Side) -> TraceField {
    TraceField(singles.count + side.rawValue * measurements.count + measurement.rawValue)
  }

  /// All keys, by index.
  static let names: [String] =
    singles + Side.allCases.flatMap { side in measurements.map { side.prefix + $0 } }

  static let byName = Dictionary(
    uniqueKeysWithValues: names.enumerated().map { ($0.element, TraceField($0.offset)) })

  var name: String { Self.names[index] }
}
