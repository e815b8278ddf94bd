import AsyncHTTPClient
import Experimentation
import NIOCore
import OpenAIAPI

/// An upstream's server-sent events, pulled by whoever sends the answer on.
///
/// Holds the events of one network read.
///
/// `@unchecked Sendable`: an answer is pulled by one task at a time, first for its head and then
/// for the rest; nobody else knows of this object.
final class UpstreamStream: @unchecked Sendable {
  private var body: HTTPClientResponse.Body.AsyncIterator
  private let exchange: UpstreamExchange
  private let model: ModelName
  private let limits = ResponseLimits.standard
  private let timeLimits: UpstreamTimeLimits
  /// Kept open as long as this reads from them.
  private let connections: UpstreamConnections
  private var parser = ServerSentEventParser(maximumLineBytes: 1 << 20)
  private var waiting: ArraySlice<AnswerEvent> = []
  private var clock: StreamClock
  private var usage: Usage?
  private var revision: String?
  /// Choices that began and have not told why they ended.
  private var openChoices: Set<Int> = []
  private var sawFinishReason = false
  private var sawDone = false
  private var isFinished = false

  init(
    _ body: HTTPClientResponse.Body, exchange: UpstreamExchange, model: ModelName,
    limits: UpstreamTimeLimits, connections: UpstreamConnections
  ) {
    timeLimits = limits
    self.connections = connections
    self.body = body.makeAsyncIterator()
    self.exchange = exchange
    self.model = model
    clock = StreamClock(start: limits.start)
  }

  /// The next event, or `nil` after `finished`.
  ///
  /// - Throws: `BackendError`: `malformed` for what is no such stream, `unavailable` when it breaks
  ///   off before `[DONE]` and before every choice has its finish reason, `deadlineExceeded` when
  ///   the first token, the next piece or the end does not come in time
  func next() async throws -> AnswerEvent? {
    while true {
      if let event = waiting.popFirst() { return event }
      if isFinished { return nil }
      if sawDone {
        isFinished = true
        return .finished(
          AnswerSummary(
            usage: usage, timing: clock.timing(outputTokens: usage?.completionTokens),
            revision: revision))
      }
      try await read()
    }
  }

  private func read() async throws {
    let buffer: ByteBuffer?
    do { buffer = try await nextBytes() } catch {
      throw UpstreamFailure.classify(error, model: model)
    }
    try Task.checkCancellation()
    guard let buffer else {
      // Some servers end without the marker; an answer whose choice is finished is whole all the
      // same.
      guard sawFinishReason, openChoices.isEmpty else {
        throw BackendError(
          .unavailable,
          .badGateway("'\(model)' broke off in the middle of its answer.", code: "stream_cut"))
      }
      sawDone = true
      return
    }
    var events: [ServerSentEvent] = []
    do { try parser.parse(Array(buffer.readableBytesView), into: &events) } catch {
      throw BackendError(.malformed, error.apiError)
    }
    for event in events where !sawDone { try take(event) }
  }

  /// The next bytes, or `nil` at the end.
  ///
  /// Silence is timed by the client itself. A race with another limit costs two tasks, so there is
  /// one only where that limit may come first.
  private func nextBytes() async throws -> ByteBuffer? {
    let limit = clock.hasBegun ? timeLimits.end : timeLimits.firstToken
    guard clock.hasBegun, ContinuousClock.now.duration(to: limit) > timeLimits.idle else {
      return try await TimeLimit.run(until: limit) { try await self.body.next() }
    }
    return try await body.next()
  }

  private func take(_ event: ServerSentEvent) throws(BackendError) {
    if event.isDone {
      sawDone = true
      return
    }
    do {
      let chunk = try exchange.decodeChunk(event.data, limits)
      usage = chunk.usage ?? usage
      if revision == nil, !chunk.model.isEmpty { revision = chunk.model }
      for choice in chunk.choices {
        clock.note(choice)
        if choice.finishReason == nil {
          openChoices.insert(choice.index)
        } else {
          openChoices.remove(choice.index)
          sawFinishReason = true
        }
        waiting.append(.choice(choice))
      }
    } catch {
      throw BackendError(error.code == "malformed" ? .malformed : .unavailable, error)
    }
  }
}

/// Times a stream as its reader sees it.
struct StreamClock {
  private let start: ContinuousClock.Instant
  private var first: ContinuousClock.Instant?
  private var last: ContinuousClock.Instant?
  private var pieces = 0

  init(start: ContinuousClock.Instant) {
    self.start = start
  }

  /// Whether a piece came that says something.
  var hasBegun: Bool { first != nil }

  /// Takes note of a piece; only one that says something counts as a token.
  mutating func note(_ choice: ChatCompletionChunk.Choice) {
    let delta = choice.delta
    let speaks =
      !(delta.content ?? "").isEmpty || !(delta.refusal ?? "").isEmpty
      || !(delta.reasoning ?? "").isEmpty || !delta.toolCalls.isEmpty
    guard speaks else { return }
    let now = ContinuousClock.now
    first = first ?? now
    last = now
    pieces += 1
  }

  /// - Parameter outputTokens: as the upstream counted, else the pieces stand in for tokens
  func timing(outputTokens: Int?) -> AnswerTiming {
    let tokens = outputTokens ?? pieces
    return AnswerTiming(
      queue: 0, firstToken: first.map { start.duration(to: $0).seconds },
      perOutputToken: first.flatMap { first in
        last.flatMap { tokens > 1 ? first.duration(to: $0).seconds / Double(tokens - 1) : nil }
      },
      total: start.duration(to: .now).seconds)
  }
}
