import Backends
import Experimentation
import Hummingbird
import NIOCore
import OpenAIAPI

/// What is known of an answer before its first token, and how it is written to the client.
struct AnswerHead: Sendable {
  let endpoint: Question.Endpoint
  let requestID: String
  /// Unix time in seconds.
  let created: Int64
  let destination: Destination
  let includesUsage: Bool
  /// By which the answer may be rated; `nil` for a request to a model by its own name.
  let feedbackToken: String?

  var id: String { (endpoint == .chat ? "chatcmpl-" : "cmpl-") + requestID }
  var model: String { destination.model.text }

  /// The answer in one piece.
  func response(to collector: AnswerCollector) -> Response {
    response(to: collector.completion)
  }

  /// The answer in one piece.
  func response(to answer: ChatCompletion) -> Response {
    var completion = answer
    completion.id = id
    completion.created = Int(created)
    completion.model = model
    var response: Response
    switch endpoint {
    case .chat: response = .json(completion.encoded())
    case .text: response = .json(Completion(completion).encoded())
    }
    addHeaders(to: &response)
    return response
  }

  /// What the client is told when the model gave no answer.
  func response(failing error: APIError) -> Response {
    var response = Response.refusal(error, requestID: requestID)
    addHeaders(to: &response)
    return response
  }

  /// The answer as server-sent events, each written as soon as it is there.
  func response(
    streaming answer: Answer, from first: AnswerEvent?, _ exchange: LiveExchange,
    _ patience: Patience
  ) -> Response {
    response(streaming: { lent in
      try await EventStream(head: self, exchange: exchange, patience: patience)
        .write(answer, from: first, to: lent)
    })
  }

  /// A stream of server-sent events, which `write` writes.
  func response(
    streaming write: @escaping @Sendable (LentWriter) async throws -> Void
  ) -> Response {
    var response = Response(
      status: .ok,
      headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"],
      body: ResponseBody { writer in
        try await write(LentWriter(writer: writer))
        try await writer.finish(nil)
      })
    addHeaders(to: &response)
    return response
  }

  private func addHeaders(to response: inout Response) {
    response.setHeader("x-request-id", requestID)
    response.setHeader("x-rollout-request-id", requestID)
    response.setHeader("x-rollout-model", model)
    if let feedbackToken { response.setHeader("x-rollout-feedback-token", feedbackToken) }
    guard let position = destination.assignment?.rollout else { return }
    response.setHeader("x-rollout-name", position.rollout.text)
    response.setHeader("x-rollout-step", "\(position.step)")
  }
}

/// Lends a response's writer to the one child task that writes the answer.
///
/// `@unchecked Sendable`: Hummingbird's writer is not marked, but the task that owns it does
/// nothing with it until the borrower has ended, so never two touch it at once.
struct LentWriter: @unchecked Sendable {
  let writer: any ResponseBodyWriter
}

extension LentWriter {
  /// Says in the stream what went wrong. A client that reads nothing, perhaps the very reason, does
  /// not keep the connection for it.
  func tell(_ error: APIError, _ client: ClientPresence?) async throws {
    var bytes: [UInt8] = []
    ServerSentEvents.append(error: error, to: &bytes)
    let buffer = ByteBuffer(bytes: bytes)
    try await Patience(until: .now + .seconds(1), client: client).run {
      var writer = writer
      try await writer.write(buffer)
    }
  }
}
