/// Writes the chunks of one streamed chat answer as server-sent events.
///
/// What all chunks of a stream share is written once, here; a chunk then costs a copy of that
/// prefix, its own text, and no allocation while the buffer has room.
///
///     let encoder = ChunkEncoder(id: id, created: now, model: "tiny", includesUsage: false)
///     encoder.start(choice: 0, into: &bytes)
///     encoder.content("Hel", choice: 0, into: &bytes)
///     encoder.finish(.stop, choice: 0, into: &bytes)
///     encoder.done(into: &bytes)
package struct ChunkEncoder: Sendable {
  private let prefix: [UInt8]
  /// What follows the choices of a chunk that is not the usage chunk.
  private let suffix: [UInt8]

  /// An encoder for one stream.
  ///
  /// - Parameters:
  ///   - id: of the answer
  ///   - created: Unix time in seconds
  ///   - model: who answers, as the client shall see it
  ///   - systemFingerprint: of whoever answers, if known
  ///   - serviceTier: with which it was answered, if known
  ///   - includesUsage: whether the client asked for the usage: then every chunk has a `usage`,
  ///     null in all but the last
  package init(
    id: String, created: Int, model: String, systemFingerprint: String? = nil,
    serviceTier: String? = nil, includesUsage: Bool = false
  ) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", id)
    writer.member("object", "chat.completion.chunk")
    writer.member("created", created)
    writer.member("model", model)
    writer.member("service_tier", serviceTier)
    writer.member("system_fingerprint", systemFingerprint)
    prefix = Array("data: ".utf8) + writer.bytes + Array(",\"choices\":[".utf8)
    suffix = Array((includesUsage ? "],\"usage\":null}\n\n" : "]}\n\n").utf8)
  }

  /// Appends a choice's first chunk: the role and empty content.
  package func start(choice: Int, into bytes: inout [UInt8]) {
    begin(choice: choice, into: &bytes)
    bytes.append(contentsOf: "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null".utf8)
    end(finishReason: nil, into: &bytes)
  }

  /// Appends a piece of text.
  package func content(
    _ text: String, choice: Int, logprobs: ChatLogprobs? = nil, into bytes: inout [UInt8]
  ) {
    begin(choice: choice, into: &bytes)
    bytes.append(contentsOf: "\"content\":".utf8)
    JSONWriter.append(text, to: &bytes)
    end(logprobs: logprobs, finishReason: nil, into: &bytes)
  }

  /// Appends a choice's last chunk: why it ended.
  package func finish(_ reason: FinishReason, choice: Int, into bytes: inout [UInt8]) {
    begin(choice: choice, into: &bytes)
    end(finishReason: reason, into: &bytes)
  }

  /// Appends a chunk of any shape: tool calls, several choices, an upstream's own cut.
  package func chunk(_ choices: [ChatCompletionChunk.Choice], into bytes: inout [UInt8]) {
    bytes.append(contentsOf: prefix)
    for (place, choice) in choices.enumerated() {
      if place > 0 { bytes.append(UInt8(ascii: ",")) }
      JSONWriter.append(to: &bytes) { choice.encode(into: &$0) }
    }
    bytes.append(contentsOf: suffix)
  }

  /// Appends the chunk that carries the usage: the last before `done`, and only if it was asked
  /// for.
  package func usage(_ usage: Usage, into bytes: inout [UInt8]) {
    bytes.append(contentsOf: prefix)
    bytes.append(contentsOf: "],\"usage\":".utf8)
    JSONWriter.append(to: &bytes) { usage.encode(into: &$0) }
    bytes.append(contentsOf: "}\n\n".utf8)
  }

  /// Appends `data: [DONE]`, which ends the stream.
  package func done(into bytes: inout [UInt8]) {
    bytes.append(contentsOf: ServerSentEvents.done)
  }

  private func begin(choice: Int, into bytes: inout [UInt8]) {
    bytes.append(contentsOf: prefix)
    bytes.append(contentsOf: "{\"index\":".utf8)
    JSONWriter.append(Int64(choice), to: &bytes)
    bytes.append(contentsOf: ",\"delta\":{".utf8)
  }

  private func end(
    logprobs: ChatLogprobs? = nil, finishReason: FinishReason?, into bytes: inout [UInt8]
  ) {
    bytes.append(contentsOf: "},\"logprobs\":".utf8)
    if let logprobs {
      JSONWriter.append(to: &bytes) { logprobs.encode(into: &$0) }
    } else {
      bytes.append(contentsOf: "null".utf8)
    }
    bytes.append(contentsOf: ",\"finish_reason\":".utf8)
    if let finishReason {
      JSONWriter.append(finishReason.rawValue, to: &bytes)
    } else {
      bytes.append(contentsOf: "null".utf8)
    }
    bytes.append(UInt8(ascii: "}"))
    bytes.append(contentsOf: suffix)
  }
}

/// Writes the pieces of one streamed `Completion` as server-sent events, as `ChunkEncoder` does for
/// chat answers.
package struct CompletionChunkEncoder: Sendable {
  private let prefix: [UInt8]
  private let suffix: [UInt8]

  /// An encoder for one stream; the parameters are those of `ChunkEncoder`.
  package init(
    id: String, created: Int, model: String, systemFingerprint: String? = nil,
    includesUsage: Bool = false
  ) {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", id)
    writer.member("object", "text_completion")
    writer.member("created", created)
    writer.member("model", model)
    writer.member("system_fingerprint", systemFingerprint)
    prefix = Array("data: ".utf8) + writer.bytes + Array(",\"choices\":[".utf8)
    suffix = Array((includesUsage ? "],\"usage\":null}\n\n" : "]}\n\n").utf8)
  }

  /// Appends a piece of one choice, and why it ended if this is its last.
  package func choice(_ choice: Completion.Choice, into bytes: inout [UInt8]) {
    bytes.append(contentsOf: prefix)
    JSONWriter.append(to: &bytes) { choice.encode(into: &$0) }
    bytes.append(contentsOf: suffix)
  }

  /// Appends the piece that carries the usage: the last before `done`, and only if it was asked
  /// for.
  package func usage(_ usage: Usage, into bytes: inout [UInt8]) {
    bytes.append(contentsOf: prefix)
    bytes.append(contentsOf: "],\"usage\":".utf8)
    JSONWriter.append(to: &bytes) { usage.encode(into: &$0) }
    bytes.append(contentsOf: "}\n\n".utf8)
  }

  /// Appends `data: [DONE]`, which ends the stream.
  package func done(into bytes: inout [UInt8]) {
    bytes.append(contentsOf: ServerSentEvents.done)
  }
}
