import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import OpenAIAPI

/// The data plane, as a client sees it.
struct ChatClient {
  private let endpoint: String
  private let key: String?
  private let http: HTTPClient

  /// What is known of an answer beside its text.
  struct Answer {
    /// Which model answered, by the `x-rollout-model` header.
    var servedBy: String?
    /// What the service calls the request.
    var requestID: String?
    /// What the answer itself says.
    var model: String?
    var finishReason: String?
    var usage: Usage?
  }

  /// Runs `body` with a client of the data plane at `endpoint`, such as `http://127.0.0.1:8080/v1`.
  static func use<Value>(
    _ endpoint: String, key: String?, _ body: (ChatClient) async throws -> Value
  ) async throws -> Value {
    let address = try ServerAddress(
      endpoint, default: "http://127.0.0.1:8080/v1", of: "--endpoint")
    return try await HTTPClient.use { http in
      try await body(ChatClient(endpoint: address.text, key: key, http: http))
    }
  }

  /// Sends `request` and hands each piece of the answer's text to `write` as it comes.
  func stream(
    _ request: ChatCompletionRequest, _ write: (String) -> Void
  ) async throws -> Answer {
    var message = post("/chat/completions", request.encoded())
    message.headers.add(name: "accept", value: "text/event-stream")
    let response = try await execute(message, timeout: .hours(1))
    do {
      guard response.status == .ok else { throw try await Self.refusal(response) }
      return try await Self.read(response, write)
    } catch let error as ServerSentEventError {
      throw Self.failure(error.apiError)
    } catch let error as APIError {
      throw Self.failure(error)
    } catch let error where !(error is CommandFailure) && !(error is CancellationError) {
      throw CommandFailure(.failed, "the answer was cut off: \(error)")
    }
  }

  /// Sends feedback, and returns what the service says to it.
  func send(_ feedback: FeedbackRequest) async throws -> [UInt8] {
    let message = post("/feedback", feedback.encoded())
    let response = try await execute(message, timeout: .seconds(30))
    guard (200...299).contains(response.status.code) else {
      throw try await Self.refusal(response)
    }
    return Array(try await response.body.collect(upTo: 64 << 10).readableBytesView)
  }

  private func post(_ path: String, _ body: [UInt8]) -> HTTPClientRequest {
    var message = HTTPClientRequest(url: endpoint + path)
    message.method = .POST
    message.headers.add(name: "content-type", value: "application/json")
    if let key, !key.isEmpty { message.headers.add(name: "authorization", value: "Bearer \(key)") }
    message.body = .bytes(ByteBuffer(bytes: body))
    return message
  }

  private func execute(
    _ message: HTTPClientRequest, timeout: TimeAmount
  ) async throws -> HTTPClientResponse {
    do {
      return try await http.execute(message, timeout: timeout)
    } catch let error where !(error is CancellationError) {
      throw CommandFailure(
        error, at: endpoint,
        remedy: "start 'rollout serve', or name another with --endpoint or ROLLOUT_ENDPOINT")
    }
  }

  private static func read(
    _ response: HTTPClientResponse, _ write: (String) -> Void
  ) async throws -> Answer {
    var answer = Answer(
      servedBy: response.headers.first(name: "x-rollout-model"),
      requestID: response.headers.first(name: "x-request-id"))
    var parser = ServerSentEventParser()
    var events: [ServerSentEvent] = []
    for try await piece in response.body {
      try parser.parse(Array(piece.readableBytesView), into: &events)
      for event in events {
        if event.isDone { return answer }
        let chunk = try ChatCompletionChunk(decoding: event.data)
        answer.model = chunk.model
        answer.usage = chunk.usage ?? answer.usage
        guard let choice = chunk.choices.first else { continue }
        answer.finishReason = choice.finishReason?.rawValue ?? answer.finishReason
        if let text = choice.delta.content ?? choice.delta.refusal { write(text) }
      }
      events.removeAll(keepingCapacity: true)
    }
    throw CommandFailure(.failed, "the answer was cut off: the stream ended before its end")
  }

  private static func refusal(_ response: HTTPClientResponse) async throws -> CommandFailure {
    let body = try await response.body.collect(upTo: 64 << 10)
    return failure(APIError(status: Int(response.status.code), body: Array(body.readableBytesView)))
  }

  private static func failure(_ error: APIError) -> CommandFailure {
    let status: ExitStatus =
      switch error.status {
      case 404: .notFound
      case 400..<500: .usage
      default: .failed
      }
    let remedy =
      error.code == "model_not_found"
      ? "GET /v1/models lists what answers here; 'rollout apply' brings models and routes" : nil
    return CommandFailure(status, error.message, remedy: remedy)
  }
}
