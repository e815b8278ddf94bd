package import Experimentation

/// Recorded traffic: requests in the order of their arrival, with the answers that each got.
///
/// Compact, since there may be millions: names are numbers into tables, and a request of which two
/// models' answers are known (an outcome and a shadow's) is one request. ``TraceReader`` makes it.
package struct Trace: Sendable {
  /// One arrival.
  struct Request: Sendable {
    var atMilliseconds: Int64
    /// Hash of the assignment unit.
    var unit: UInt64
    /// Hash of the name and the time of the request: what pairs belong to.
    var id: UInt64
    /// The model that answered the client, by its place in `models`, and its answer.
    var model: Int32
    var answer: Int32
    /// Place in `labels`.
    var labels: Int32
    /// Place in `positions`; −1 outside of any rollout.
    var position: Int32
    /// The first of its pairs, by place in `pairs`; −1 without.
    var pair: Int32
    /// 0 where the line does not say.
    var propensity: Double
  }

  /// The answers of two models to one request.
  struct Pair: Sendable {
    var incumbent: Int32
    var candidate: Int32
    var incumbentAnswer: Int32
    var candidateAnswer: Int32
    /// Not a number where unknown.
    var tokenAgreement: Double
    var prefixAgreement: Double
    /// The request's next pair; −1 without.
    var next: Int32
    /// Those of the pair; each answer has its own.
    var scores: AnswerScores
  }

  /// Where a rollout stood.
  struct Position: Hashable, Sendable {
    var rollout: String
    var run: Int
    var step: Int
  }

  var requests: [Request] = []
  var pairs: [Pair] = []
  var answers: [TraceAnswer] = []
  var models: [ModelName] = []
  var positions: [Position] = []
  /// The first are none.
  var labels: [[String: String]] = [[:]]
  /// What any answer or pair has a score of.
  var scoreIDs: Set<ScoreID> = []
  /// Lines of requests that were pinned to their model: nobody's evidence, and left out.
  package var pinned = 0
  /// Lines that say again what another line said.
  package var repeated = 0
  /// By route, lines of other routes than the one that was asked for.
  package var otherRoutes: [String: Int] = [:]
  /// Models of which answers of several revisions are recorded.
  package var mixedRevisions: [ModelName] = []

  /// Arrivals.
  package var count: Int { requests.count }

  /// Pairs of answers.
  package var pairCount: Int { pairs.count }

  /// The models that answered anything, by name.
  package var modelNames: [ModelName] { models.sorted() }

  /// When the first request came, milliseconds since 1970; `nil` without requests.
  package var beginMilliseconds: Int64? { requests.first?.atMilliseconds }

  /// When the last request came.
  package var endMilliseconds: Int64? { requests.last?.atMilliseconds }

  /// How long the prompt of a request was, by whoever answered it.
  func band(of request: Request) -> PromptBand { PromptBand(tokens: promptTokens(of: request)) }

  /// The same in tokens; `nil` where nobody said.
  func promptTokens(of request: Request) -> Int? {
    let tokens = answers[Int(request.answer)].promptTokens
    return tokens < 0 ? nil : Int(tokens)
  }
}

/// What was measured of a recorded answer, in less room. Unknown numbers are not a number, unknown
/// counts are negative.
struct TraceAnswer: Sendable {
  var queueSeconds = 0.0
  var timeToFirstTokenSeconds = Double.nan
  var timePerOutputTokenSeconds = Double.nan
  var totalSeconds = 0.0
  var cost = Double.nan
  var promptTokens: Int32 = -1
  var cachedPromptTokens: Int32 = -1
  var outputTokens: Int32 = -1
  var finish = Finish.none
  var failure: FailureClass?
  /// Sets that several rows have are one in memory.
  var scores = AnswerScores()

  /// Reasons that gates and people tell apart; all others are one.
  enum Finish: UInt8, Sendable {
    case none, stop, length, other
  }

  var measurements: Measurements {
    var measurements = Measurements(
      queueSeconds: queueSeconds, timeToFirstTokenSeconds: Self.known(timeToFirstTokenSeconds),
      timePerOutputTokenSeconds: Self.known(timePerOutputTokenSeconds),
      totalSeconds: totalSeconds, promptTokens: Self.known(promptTokens),
      outputTokens: Self.known(outputTokens), cachedPromptTokens: Self.known(cachedPromptTokens),
      finishReason: finish.text, failure: failure)
    measurements.cost = Self.known(cost)
    measurements.scores = scores
    return measurements
  }

  private static func known(_ value: Double) -> Double? { value.isNaN ? nil : value }

  private static func known(_ value: Int32) -> Int? { value < 0 ? nil : Int(value) }
}

extension TraceAnswer.Finish {
  init(_ text: String?) {
    self =
      switch text {
      case nil: .none
      case "stop": .stop
      case "length": .length
      default: .other
      }
  }

  var text: String? {
    switch self {
    case .none: nil
    case .stop: "stop"
    case .length: "length"
    case .other: "other"
    }
  }
}

/// A line of a trace that cannot be used.
package struct TraceProblem: Hashable, Sendable, CustomStringConvertible {
  package var file: String
  /// From 1.
  package var line: Int
  package var message: String

  package var description: String { "\(file):\(line): \(message)" }
}

/// Every line that cannot be used, as far as they are counted out.
package struct TraceErrors: Error, Hashable, Sendable {
  /// The first ones.
  package var problems: [TraceProblem]
  /// How many more there are.
  package var omitted: Int
}
