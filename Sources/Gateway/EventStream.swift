import Backends
import Experimentation
import Hummingbird
import NIOCore
import OpenAIAPI

/// Writes an answer to its client as server-sent events, chunk by chunk.
///
/// The client's pace is the answer's: nothing is read ahead of what was written. A failure on the
/// way becomes an error event, and the stream ends without `[DONE]`; what was sent stays as it was.
struct EventStream {
  let head: AnswerHead
  let exchange: LiveExchange
  let patience: Patience

  func write(_ answer: Answer, from first: AnswerEvent?, to lent: LentWriter) async throws {
    do {
      let collector = try await patience.run {
        var writer = lent.writer
        var collector = AnswerCollector(
          id: head.id, created: Int(head.created), model: head.model)
        var encoder = AnswerEncoder(head)
        if let first { try await write(first, &encoder, &collector, &writer) }
        for try await event in answer.events {
          try await write(event, &encoder, &collector, &writer)
        }
        try collector.checkIsWhole()
        return collector
      }
      exchange.end(with: collector)
    } catch {
      exchange.end(whileStreaming: FailureClass(error))
      // Nobody is left to be told.
      guard !(error is CancellationError) else { throw error }
      try await lent.tell(APIError(answering: error), patience.client)
    }
  }

  private func write(
    _ event: AnswerEvent, _ encoder: inout AnswerEncoder, _ collector: inout AnswerCollector,
    _ writer: inout any ResponseBodyWriter
  ) async throws {
    try collector.take(event)
    if case .choice = event { exchange.noteToken() }
    // The model is done: a client that closes on the last byte has not gone away too early.
    if case .finished = event { exchange.end(with: collector) }
    let bytes = encoder.encode(event)
    guard !bytes.isEmpty else { return }
    // A connection that takes no more is the client's going away, and no fault of the model's.
    do { try await writer.write(ByteBuffer(bytes: bytes)) } catch { throw CancellationError() }
  }
}

/// Events of an answer as bytes of the endpoint that was asked.
private struct AnswerEncoder {
  private enum Format {
    case chat(ChunkEncoder)
    case text(CompletionChunkEncoder)
  }

  private let format: Format
  private let includesUsage: Bool
  private var started: Set<Int> = []
  private var textOffsets: [Int: TextOffsets] = [:]

  init(_ head: AnswerHead) {
    includesUsage = head.includesUsage
    switch head.endpoint {
    case .chat:
      format = .chat(
        ChunkEncoder(
          id: head.id, created: Int(head.created), model: head.model,
          includesUsage: head.includesUsage))
    case .text:
      format = .text(
        CompletionChunkEncoder(
          id: head.id, created: Int(head.created), model: head.model,
          includesUsage: head.includesUsage))
    }
  }

  mutating func encode(_ event: AnswerEvent) -> [UInt8] {
    var bytes: [UInt8] = []
    switch (format, event) {
    case (.chat(let encoder), .choice(let choice)):
      if started.insert(choice.index).inserted, choice.delta.role == nil {
        encoder.start(choice: choice.index, into: &bytes)
      }
      encoder.chunk([choice], into: &bytes)
    case (.text(let encoder), .choice(let choice)):
      let piece = Completion.Choice(choice, &textOffsets[choice.index, default: TextOffsets()])
      encoder.choice(piece, into: &bytes)
    case (.chat(let encoder), .finished(let summary)):
      if includesUsage, let usage = summary.usage { encoder.usage(usage, into: &bytes) }
      encoder.done(into: &bytes)
    case (.text(let encoder), .finished(let summary)):
      if includesUsage, let usage = summary.usage { encoder.usage(usage, into: &bytes) }
      encoder.done(into: &bytes)
    }
    return bytes
  }
}
