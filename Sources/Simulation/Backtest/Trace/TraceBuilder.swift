import Experimentation
import Foundation
import Statistics

/// Puts the rows of a trace together: outcomes as they come, pairs when all outcomes are there.
struct TraceBuilder: Sendable {
  /// A pair whose request is still to be found.
  struct Waiting: Sendable {
    var request: Trace.Request
    var pair: Trace.Pair
  }

  private struct Known: Sendable {
    var bytes: [UInt8]
    var index: Int32
    /// Hash of the revision seen last; 0 for none.
    var revision: UInt64 = 0
    var isMixed = false
  }

  private static let greatestLabelSets = 4_096
  /// Names, and sets of scores that rows share; rows beyond have a set of their own.
  private static let greatestScores = 4_096

  private let route: RouteName
  private let limits: TraceReader.Limits
  private(set) var trace = Trace()
  /// Lines taken in, those that were left out among them.
  private(set) var rows = 0
  private(set) var waiting: [Waiting] = []
  private var requests: [UInt64: Int32] = [:]
  private var models: [Known] = []
  private var positions: [Trace.Position: Int32] = [:]
  private var labels: [[UInt8]: Int32] = [:]
  private var scores: [[UInt8]: AnswerScores] = [:]

  init(route: RouteName, limits: TraceReader.Limits) {
    (self.route, self.limits) = (route, limits)
  }

  /// Takes a line in.
  mutating func add(
    _ scanner: TraceScanner, _ line: UnsafeBufferPointer<UInt8>
  ) throws(TraceFault) {
    let row = TraceRow(scanner: scanner, line: line)
    if scanner.kind(.metric) != .absent {
      throw TraceFault(expected: "an outcome or a comparison; feedback is no part of a trace")
    }
    let isPair = scanner.kind(.candidate) != .absent
    if !isPair, scanner.kind(.model) == .absent {
      throw TraceFault(expected: "'model', as outcomes have, or 'candidate', as comparisons have")
    }
    rows += 1
    if let other = row.text(.route), other != route.text {
      trace.otherRoutes[other, default: 0] += 1
      return
    }
    if scanner.kind(.propensity) == .null {
      trace.pinned += 1
      return
    }
    var request = try request(row, isPair: isPair)
    if !isPair {
      request.model = try model(row, .model, .outcome)
      guard requests[request.id] == nil else {
        trace.repeated += 1
        return
      }
      request.answer = try answer(row, .outcome)
      requests[request.id] = Int32(trace.requests.count)
      return trace.requests.append(request)
    }
    let pair = Trace.Pair(
      incumbent: try model(row, .incumbent, .incumbent),
      candidate: try model(row, .candidate, .candidate),
      incumbentAnswer: try answer(row, .incumbent), candidateAnswer: try answer(row, .candidate),
      tokenAgreement: try row.number(.tokenAgreement, in: 0...1) ?? .nan,
      prefixAgreement: try row.number(.prefixAgreement, in: 0...1) ?? .nan, next: -1,
      scores: try scores(row, .outcome))
    // An incumbent's answers to its own control are no candidate's.
    if pair.candidate == pair.incumbent { return }
    (request.model, request.answer) = (pair.incumbent, pair.incumbentAnswer)
    waiting.append(Waiting(request: request, pair: pair))
  }

  /// The trace, in the order of arrival.
  mutating func finish() -> Trace {
    for waiting in waiting { join(waiting) }
    waiting = []
    requests = [:]
    let isSorted = zip(trace.requests, trace.requests.dropFirst()).allSatisfy {
      $0.atMilliseconds <= $1.atMilliseconds
    }
    if !isSorted {
      // Stable: requests of one moment stay in the order of their lines.
      trace.requests = trace.requests.enumerated().sorted {
        ($0.element.atMilliseconds, $0.offset) < ($1.element.atMilliseconds, $1.offset)
      }.map(\.element)
    }
    trace.mixedRevisions = models.filter(\.isMixed).map { trace.models[Int($0.index)] }.sorted()
    return trace
  }

  private mutating func join(_ waiting: Waiting) {
    guard let index = requests[waiting.request.id].map(Int.init) else {
      var request = waiting.request
      request.pair = Int32(trace.pairs.count)
      requests[request.id] = Int32(trace.requests.count)
      trace.pairs.append(waiting.pair)
      return trace.requests.append(request)
    }
    var next = trace.requests[index].pair
    while next >= 0 {
      let other = trace.pairs[Int(next)]
      if other.incumbent == waiting.pair.incumbent, other.candidate == waiting.pair.candidate {
        trace.repeated += 1
        return
      }
      next = other.next
    }
    var pair = waiting.pair
    pair.next = trace.requests[index].pair
    trace.requests[index].pair = Int32(trace.pairs.count)
    trace.pairs.append(pair)
  }
}

// MARK: - Parts of a line

extension TraceBuilder {
  private mutating func request(_ row: TraceRow, isPair: Bool) throws(TraceFault) -> Trace.Request {
    guard let at = try row.integer(.atMilliseconds, in: 0...8_000_000_000_000_000) else {
      throw row.missing(.atMilliseconds)
    }
    let name = row.hash(.requestID)
    if name == nil, isPair { throw row.missing(.requestID) }
    // One name may be given to several requests by clients; not at one moment.
    let id = TraceRow.mix(name ?? UInt64(rows), UInt64(bitPattern: at), name == nil ? 1 : 0)
    let propensity = try row.number(.propensity, in: 0...1)
    if let propensity, propensity <= 0 {
      throw TraceFault(expected: "'propensity' above 0: it was the chance of what happened")
    }
    return Trace.Request(
      atMilliseconds: at, unit: try row.hexadecimal(.unitHash) ?? TraceRow.mix(id, 0, 2), id: id,
      model: -1, answer: -1, labels: try labels(row), position: try position(row), pair: -1,
      propensity: propensity ?? 0)
  }

  private mutating func model(
    _ row: TraceRow, _ field: TraceField, _ side: TraceField.Side
  ) throws(TraceFault) -> Int32 {
    guard let bytes = row.bytes(field) else { throw row.missing(field) }
    let revision = row.hash(.of(.revision, side)) ?? 0
    if let known = models.firstIndex(where: { row.isEqual($0.bytes, bytes) }) {
      if revision != 0, revision != models[known].revision {
        if models[known].revision != 0 { models[known].isMixed = true }
        models[known].revision = revision
      }
      return models[known].index
    }
    guard let name = ModelName(String(decoding: row.line[bytes], as: UTF8.self)) else {
      throw TraceFault(column: bytes.lowerBound, expected: "a model's name in '\(field.name)'")
    }
    guard models.count < limits.models else {
      throw TraceFault(expected: "at most \(limits.models) models")
    }
    let index = Int32(models.count)
    models.append(Known(bytes: Array(row.line[bytes]), index: index, revision: revision))
    trace.models.append(name)
    return index
  }

  private mutating func position(_ row: TraceRow) throws(TraceFault) -> Int32 {
    guard let rollout = row.text(.rollout), let run = try row.integer(.run, in: 0...1 << 40),
      let step = try row.integer(.step, in: 0...1 << 40)
    else { return -1 }
    let position = Trace.Position(rollout: rollout, run: Int(run), step: Int(step))
    if let known = positions[position] { return known }
    let index = Int32(trace.positions.count)
    positions[position] = index
    trace.positions.append(position)
    return index
  }

  private mutating func labels(_ row: TraceRow) throws(TraceFault) -> Int32 {
    guard let bytes = try row.objectBytes(.labels, of: "texts") else { return 0 }
    if let known = labels[bytes] { return known }
    guard let set = try? JSONDecoder().decode([String: String].self, from: Data(bytes)) else {
      throw TraceFault(expected: "'labels' to be an object of texts")
    }
    guard trace.labels.count < Self.greatestLabelSets else {
      throw TraceFault(expected: "at most \(Self.greatestLabelSets) sets of labels")
    }
    let index = Int32(trace.labels.count)
    labels[bytes] = index
    trace.labels.append(set)
    return index
  }

  private mutating func scores(
    _ row: TraceRow, _ side: TraceField.Side
  ) throws(TraceFault) -> AnswerScores {
    let field = TraceField.of(.scores, side)
    guard let bytes = try row.objectBytes(field, of: "numbers") else { return AnswerScores() }
    if let known = scores[bytes] { return known }
    guard let values = try? JSONDecoder().decode([String: Double].self, from: Data(bytes)) else {
      throw TraceFault(expected: "'\(field.name)' to be an object of numbers")
    }
    var set = AnswerScores()
    for (name, value) in values.sorted(by: { $0.key < $1.key }) {
      let id = ScoreID(stored: name)
      set[id] = value
      if trace.scoreIDs.count < Self.greatestScores { trace.scoreIDs.insert(id) }
    }
    if scores.count < Self.greatestScores { scores[bytes] = set }
    return set
  }

  private mutating func answer(
    _ row: TraceRow, _ side: TraceField.Side
  ) throws(TraceFault) -> Int32 {
    let seconds = 0.0...1e7
    guard let total = try row.number(.of(.totalSeconds, side), in: seconds) else {
      throw row.missing(.of(.totalSeconds, side))
    }
    var answer = TraceAnswer(totalSeconds: total)
    answer.queueSeconds = try row.number(.of(.queueSeconds, side), in: seconds) ?? 0
    answer.timeToFirstTokenSeconds =
      try row.number(.of(.timeToFirstToken, side), in: seconds) ?? .nan
    answer.timePerOutputTokenSeconds =
      try row.number(.of(.timePerOutputToken, side), in: seconds) ?? .nan
    answer.cost = try row.number(.of(.cost, side), in: 0...1e12) ?? .nan
    let tokens: ClosedRange<Int64> = 0...1 << 30
    answer.promptTokens = Int32(try row.integer(.of(.promptTokens, side), in: tokens) ?? -1)
    answer.cachedPromptTokens =
      Int32(try row.integer(.of(.cachedPromptTokens, side), in: tokens) ?? -1)
    answer.outputTokens = Int32(try row.integer(.of(.outputTokens, side), in: tokens) ?? -1)
    answer.finish = TraceAnswer.Finish(row.text(.of(.finishReason, side)))
    if let text = row.text(.of(.failure, side)) {
      guard let failure = FailureClass(rawValue: text) else {
        let known = FailureClass.allCases.map(\.rawValue).joined(separator: ", ")
        throw TraceFault(
          expected: "'\(TraceField.of(.failure, side).name)' to be null or one of \(known)")
      }
      answer.failure = failure
    }
    answer.scores = try scores(row, side)
    trace.answers.append(answer)
    return Int32(trace.answers.count - 1)
  }

  /// Why there is nothing in a trace of which no line is wrong.
  var absence: String {
    if let other = trace.otherRoutes.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }) {
      return "expected requests of route '\(route)'; these are of '\(other.key)'"
    }
    if trace.pinned > 0 {
      return "expected requests that chance gave to a model; all \(trace.pinned) were pinned"
    }
    return "expected at least one request"
  }
}
