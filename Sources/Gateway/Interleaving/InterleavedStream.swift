import Backends
import Experimentation
import Hummingbird
import NIOCore
import OpenAIAPI

/// A stream with several choices, some of each model, written as they come.
///
/// It begins once each drafted model has said something, or failed. So a candidate that fails
/// before has its places filled by the incumbent while the head can still say so; who wrote what
/// is settled when the token is given out; and the first pieces tell nobody who is quicker. Nothing
/// is read ahead meanwhile: of each model at most one event is held that is not yet written.
///
/// A candidate that breaks later ends its own choices, with the reason `error`, and nobody else's.
/// If the incumbent does, the stream ends with an error event, as it would without a rollout.
struct InterleavedStream: Sendable {
  let gateway: Gateway
  let request: ChatCompletionRequest
  let requestID: String
  let destination: Destination
  let deadline: ContinuousClock.Instant
  let rows: DraftRows

  /// A model that has said something, and what of it is for the client.
  fileprivate struct Speaker: Sendable {
    var part: StreamedPart
    var answer: Answer
    var first: [ChatCompletionChunk.Choice]
  }

  /// A stream of which nothing is written yet.
  struct Begun: Sendable {
    fileprivate var speakers: [Speaker]
    /// Whose choice stands in each place.
    let authors: [ModelName]
    /// Whether each place is the drafted model's, so that preferences may be read.
    let isAsDrafted: Bool
  }

  private struct Beginning: Sendable {
    var model: ModelName
    var result: Result<Speaker, any Error>
  }

  /// Asks each drafted model once, and waits until each has said something or failed.
  ///
  /// - Throws: what the incumbent failed with, or what ended the waiting; all rows are closed then
  func begin(_ patience: Patience) async throws -> Begun {
    do {
      return try await patience.run { try await begin() }
    } catch {
      let isOurs = error is DeadlineExceeded || error is ShutdownReached
      let failure = error is ShutdownReached ? FailureClass.overloaded : FailureClass(error)
      // Only who failed is blamed for it, and its row is closed; others were called off. Who had
      // begun had not kept anybody waiting when time was up.
      rows.closeRest(isOurs ? failure : .cancelled, begun: .cancelled)
      throw error
    }
  }

  private func begin() async throws -> Begun {
    var speakers: [Speaker] = []
    var missing: [Int] = []
    for beginning in try await beginnings() {
      switch beginning.result {
      case .success(let speaker): speakers.append(speaker)
      case .failure: missing += destination.places(of: beginning.model)
      }
    }
    var authors = destination.draft
    if !missing.isEmpty {
      missing.sort()
      for place in missing { authors[place] = destination.model }
      let filling = await beginning(
        StreamedPart(destination.model, places: missing, isFilling: true))
      speakers.append(try filling.result.get())
    }
    return Begun(speakers: speakers, authors: authors, isAsDrafted: missing.isEmpty)
  }

  /// - Throws: what the incumbent failed with, as soon as it has, or that all is called off
  private func beginnings() async throws -> [Beginning] {
    try await withThrowingTaskGroup(of: Beginning.self) { group in
      for model in destination.draftedModels {
        let part = StreamedPart(model, places: destination.places(of: model))
        group.addTask { await beginning(part) }
      }
      var all: [Beginning] = []
      for try await beginning in group {
        if case .failure(let error) = beginning.result {
          try Task.checkCancellation()
          rows.close(beginning.model, failing: FailureClass(error))
          guard beginning.model != destination.model else { throw error }
        }
        all.append(beginning)
      }
      return all
    }
  }

  private func beginning(_ part: StreamedPart) async -> Beginning {
    do {
      return Beginning(model: part.model, result: .success(try await speaker(part)))
    } catch {
      return Beginning(model: part.model, result: .failure(error))
    }
  }

  /// Asks, and reads up to the first event that says something.
  private func speaker(_ part: StreamedPart) async throws -> Speaker {
    guard let backend = gateway.backends.backend(for: part.model) else {
      throw BackendError(
        .unavailable, APIError.unavailable("Model '\(part.model)' is not ready yet."))
    }
    var copy = request
    copy.sampling.n = part.places.count == 1 ? nil : part.places.count
    let answer = try await backend.answer(
      Call(.chat(copy), requestID: requestID, priority: .live, deadline: deadline))
    var speaker = Speaker(part: part, answer: answer, first: [])
    for try await event in answer.events {
      speaker.first = try speaker.part.take(event)
      if speaker.first.isEmpty, !speaker.part.isWhole { continue }
      if !part.isFilling { rows.noteToken(of: part.model) }
      return speaker
    }
    try speaker.part.collector.checkIsWhole()
    return speaker
  }
}

// MARK: - Writing

extension InterleavedStream {
  /// What one model said next; `nil` when it has no more.
  private struct Turn: Sendable {
    var speaker: Int
    var event: Result<AnswerEvent?, any Error>
  }

  /// Writes all of it, and closes every row.
  ///
  /// - Parameter revoke: is told at once, and once, that no preference may be read from the answer
  func write(
    _ begun: Begun, _ head: AnswerHead, _ patience: Patience, to lent: LentWriter,
    revoke: @escaping @Sendable () -> Void
  ) async throws {
    do {
      try await patience.run {
        var mouth = Mouth(head, lent)
        try await relay(begun, &mouth, revoke)
      }
    } catch {
      revoke()
      // Whoever failed has its row; all others were called off, unless time was up for them.
      let isLate = error is DeadlineExceeded
      rows.closeRest(isLate ? .deadlineExceeded : .cancelled)
      // Nobody is left to be told.
      guard !(error is CancellationError) else { throw error }
      try await lent.tell(APIError(answering: error), patience.client)
    }
  }

  private func relay(
    _ begun: Begun, _ mouth: inout Mouth, _ revoke: @Sendable () -> Void
  ) async throws {
    var speakers = begun.speakers
    try await mouth.begin(
      places: destination.draft.count,
      // By place, so that it does not tell who was the first to speak.
      speakers.flatMap(\.first).sorted { $0.index < $1.index })
    for speaker in speakers where speaker.part.isWhole { close(speaker.part) }
    var hasBroken = false
    try await withThrowingTaskGroup(of: Turn.self) { group in
      for index in speakers.indices where !speakers[index].part.isWhole {
        let answer = speakers[index].answer
        group.addTask { await Self.turn(of: index, answer) }
      }
      while let turn = try await group.next() {
        let index = turn.speaker
        let pieces: [ChatCompletionChunk.Choice]
        do { pieces = try take(turn, of: &speakers[index].part) } catch {
          try fail(speakers[index].part, with: error)
          hasBroken = true
          revoke()
          try await mouth.write(speakers[index].part.breakOff())
          continue
        }
        try await mouth.write(pieces)
        if speakers[index].part.isWhole {
          close(speakers[index].part)
        } else {
          let answer = speakers[index].answer
          group.addTask { await Self.turn(of: index, answer) }
        }
      }
    }
    try await mouth.end(hasBroken ? nil : usage(speakers.map(\.part)))
  }

  private static func turn(of index: Int, _ answer: Answer) async -> Turn {
    do {
      var events = answer.events.makeAsyncIterator()
      return Turn(speaker: index, event: .success(try await events.next()))
    } catch {
      return Turn(speaker: index, event: .failure(error))
    }
  }

  private func take(
    _ turn: Turn, of part: inout StreamedPart
  ) throws -> [ChatCompletionChunk.Choice] {
    guard let event = try turn.event.get() else {
      try part.collector.checkIsWhole()
      return []
    }
    return try part.take(event)
  }

  /// Writes down that a model broke on the way.
  ///
  /// - Throws: `error`, where that ends the whole stream
  private func fail(_ part: StreamedPart, with error: any Error) throws {
    guard !(error is CancellationError) else { throw error }
    if !part.isFilling { rows.close(part.model, failing: FailureClass(error)) }
    guard part.model != destination.model else { throw error }
  }

  private func close(_ part: StreamedPart) {
    guard !part.isFilling else { return }
    rows.close(part.model, Measurements(part.collector, elapsed: 0))
  }

  private func usage(_ parts: [StreamedPart]) -> Usage? {
    InterleavedAnswer.sum(parts.map { $0.collector.summary?.usage })
  }
}

/// Writes pieces as server-sent events of one answer by one model, whoever they are of.
private struct Mouth {
  private let encoder: ChunkEncoder
  private let includesUsage: Bool
  private var writer: any ResponseBodyWriter

  init(_ head: AnswerHead, _ lent: LentWriter) {
    encoder = ChunkEncoder(
      id: head.id, created: Int(head.created), model: head.model,
      includesUsage: head.includesUsage)
    includesUsage = head.includesUsage
    writer = lent.writer
  }

  /// Begins every choice, in order, and writes what has come of them.
  mutating func begin(places: Int, _ pieces: [ChatCompletionChunk.Choice]) async throws {
    var bytes: [UInt8] = []
    for place in 0..<places { encoder.start(choice: place, into: &bytes) }
    for piece in pieces { encoder.chunk([piece], into: &bytes) }
    try await write(bytes)
  }

  mutating func write(_ pieces: [ChatCompletionChunk.Choice]) async throws {
    var bytes: [UInt8] = []
    for piece in pieces { encoder.chunk([piece], into: &bytes) }
    try await write(bytes)
  }

  mutating func end(_ usage: Usage?) async throws {
    var bytes: [UInt8] = []
    if includesUsage, let usage { encoder.usage(usage, into: &bytes) }
    encoder.done(into: &bytes)
    try await write(bytes)
  }

  private mutating func write(_ bytes: [UInt8]) async throws {
    guard !bytes.isEmpty else { return }
    // A connection that takes no more is the client's going away, and no fault of the models'.
    do { try await writer.write(ByteBuffer(bytes: bytes)) } catch { throw CancellationError() }
  }
}
