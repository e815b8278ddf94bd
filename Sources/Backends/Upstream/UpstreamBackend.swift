import AsyncHTTPClient
package import Experimentation
import Foundation
import NIOCore
import NIOHTTP1
import OpenAIAPI

/// A model behind an OpenAI-compatible server.
///
/// What is sent is written anew from the checked request, never copied, with the server's own name
/// of the model and the policy's own key: nothing that a client smuggled in gets through, and no
/// client's credential. Redirects are not followed and compressed answers are refused. Live and
/// shadow requests have connections of their own, so that hung shadows cannot keep a live request
/// waiting.
package final class UpstreamBackend: Backend {
  package let model: ModelName
  let specification: UpstreamSpecification
  private let apiKey: String?
  private let liveConnections: UpstreamConnections
  private let shadowConnections: UpstreamConnections

  private func connections(for priority: Call.Priority) -> UpstreamConnections {
    priority == .live ? liveConnections : shadowConnections
  }

  /// - Parameter environment: looks up the key's variable; `nil` there means that it is not set
  /// - Throws: `unavailable` when the policy names a variable that is not set, or that holds what
  ///   no header may
  package init(
    model: ModelName, specification: UpstreamSpecification,
    environment: (String) -> String?
  ) throws(BackendError) {
    self.model = model
    self.specification = specification
    if let name = specification.apiKeyEnvironment {
      guard let key = environment(name), !key.isEmpty else {
        throw BackendError(
          .unavailable,
          .unavailable(
            "Model '\(model)' needs the environment variable \(name), which is not set."))
      }
      guard key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        throw BackendError(
          .unavailable,
          .unavailable(
            "The environment variable \(name) of model '\(model)' holds more than one word of "
              + "ASCII, perhaps a line's end; set it to the key alone."))
      }
      apiKey = key
    } else {
      apiKey = nil
    }
    liveConnections = UpstreamConnections(specification.timeouts)
    shadowConnections = UpstreamConnections(specification.timeouts)
  }

  /// What a rollout's status says of it.
  package var notes: [String] {
    specification.scoring.map {
      [
        "tells the \($0.logprobs) likeliest tokens of a text: klDivergence from or to it is a "
          + "lower bound"
      ]
    } ?? []
  }

  package func answer(_ call: Call) async throws(BackendError) -> Answer {
    let exchange = UpstreamExchange(call, upstreamModel: specification.model)
    let limits = UpstreamTimeLimits(specification.timeouts, deadline: call.deadline)
    if exchange.isStreamed {
      let response = try await respond(to: call, exchange, limits)
      let stream = UpstreamStream(
        response.body, exchange: exchange, model: model, limits: limits,
        connections: connections(for: call.priority))
      return Answer { try await stream.next() }
    }
    let whole = try await completion(of: call, exchange, limits)
    guard exchange.isHonoured(by: whole) else {
      throw BackendError(
        .invalidRequest,
        .invalidRequest(
          "The server of model '\(model)' does not tell 'prompt_logprobs', an extension of vLLM's; "
            + "ask without it, or ask a model that this process runs.",
          param: "prompt_logprobs", code: "unsupported_parameter"))
    }
    let seconds = limits.start.duration(to: .now).seconds
    return Answer(events: WholeAnswer.events(of: whole, seconds: seconds))
  }

  /// An answer in one piece, whether or not it honours every extension that was asked for.
  func completion(
    of call: Call, _ exchange: UpstreamExchange, _ limits: UpstreamTimeLimits
  ) async throws(BackendError) -> ChatCompletion {
    let response = try await respond(to: call, exchange, limits)
    let bounds = exchange.limits
    let body = try await collect(response, upTo: bounds.maximumBytes, limits)
    do {
      return try exchange.decodeWhole(body, bounds)
    } catch {
      throw BackendError(.malformed, error)
    }
  }

  /// Before the head comes, silence is bounded by the time to the first token; a whole answer comes
  /// with its head and has the whole time.
  private func respond(
    to call: Call, _ exchange: UpstreamExchange, _ limits: UpstreamTimeLimits
  ) async throws(BackendError) -> HTTPClientResponse {
    try await execute(
      UpstreamPost(
        path: exchange.path, body: exchange.body, requestID: call.requestID,
        priority: call.priority),
      headUntil: exchange.isStreamed ? limits.firstToken : limits.end, limits)
  }

  /// Sends a request, and returns the response when its head says that all is well.
  ///
  /// - Parameter limit: by when the head must be there
  func execute(
    _ post: UpstreamPost, headUntil limit: ContinuousClock.Instant, _ limits: UpstreamTimeLimits
  ) async throws(BackendError) -> HTTPClientResponse {
    var request = HTTPClientRequest(url: specification.url + post.path)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.headers.add(name: "x-request-id", value: post.requestID)
    if post.priority == .shadow { request.headers.add(name: "x-shadow", value: "1") }
    if let apiKey { request.headers.add(name: "authorization", value: "Bearer \(apiKey)") }
    request.body = .bytes(ByteBuffer(bytes: post.body))
    let patience = ContinuousClock.now.duration(to: limit).seconds
    let response: HTTPClientResponse
    do {
      response = try await connections(for: post.priority).client.execute(
        request, deadline: .now() + .seconds(patience))
    } catch {
      throw UpstreamFailure.classify(error, model: model)
    }
    guard response.status == .ok else { throw await refusal(response, limits) }
    guard response.headers["content-encoding"].allSatisfy({ $0 == "identity" }) else {
      throw malformed("it is compressed, which was not asked for")
    }
    return response
  }

  /// The whole body.
  func collect(
    _ response: HTTPClientResponse, upTo maximumBytes: Int, _ timeLimits: UpstreamTimeLimits
  ) async throws(BackendError) -> [UInt8] {
    do {
      let body = try await TimeLimit.run(until: timeLimits.end) {
        try await response.body.collect(upTo: maximumBytes)
      }
      return Array(body.readableBytesView)
    } catch is NIOTooManyBytesError {
      throw malformed("it has more than \(maximumBytes) bytes")
    } catch {
      throw UpstreamFailure.classify(error, model: model)
    }
  }

  private func refusal(
    _ response: HTTPClientResponse, _ limits: UpstreamTimeLimits
  ) async -> BackendError {
    let body = try? await TimeLimit.run(until: limits.firstToken) {
      try await response.body.collect(upTo: 64 << 10)
    }
    return UpstreamFailure.refusal(
      status: Int(response.status.code), body: body.map { Array($0.readableBytesView) } ?? [],
      model: model)
  }

  private func malformed(_ what: String) -> BackendError {
    BackendError(
      .malformed, .badGateway("The answer of '\(model)' is unusable: \(what).", code: "malformed"))
  }
}

/// One request as it is sent.
struct UpstreamPost: Sendable {
  /// Behind the base URL.
  var path: String
  var body: [UInt8]
  var requestID: String
  var priority: Call.Priority
}

/// Until when an answer may take for what.
struct UpstreamTimeLimits: Sendable {
  let start: ContinuousClock.Instant
  /// Until the first piece that says something.
  let firstToken: ContinuousClock.Instant
  /// Until the last.
  let end: ContinuousClock.Instant
  /// How long the server may be silent.
  let idle: Duration

  init(_ timeouts: UpstreamTimeouts, deadline: ContinuousClock.Instant) {
    start = .now
    end = min(deadline, start.advanced(bySeconds: timeouts.totalSeconds))
    firstToken = min(end, start.advanced(bySeconds: timeouts.firstTokenSeconds))
    idle = .seconds(timeouts.idleSeconds)
  }
}
