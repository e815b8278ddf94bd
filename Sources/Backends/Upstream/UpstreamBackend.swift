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
    let connections = call.priority == .live ? liveConnections : shadowConnections
    let limits = UpstreamTimeLimits(specification.timeouts, deadline: call.deadline)
    let response = try await execute(exchange, call, on: connections, limits)
    guard response.status == .ok else { throw await refusal(response, limits) }
    guard response.headers["content-encoding"].allSatisfy({ $0 == "identity" }) else {
      throw malformed("it is compressed, which was not asked for")
    }
    if exchange.isStreamed {
      let stream = UpstreamStream(
        response.body, exchange: exchange, model: model, limits: limits, connections: connections)
      return Answer { try await stream.next() }
    }
    let whole = try await wholeAnswer(response, exchange, limits)
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

  private func execute(
    _ exchange: UpstreamExchange, _ call: Call, on connections: UpstreamConnections,
    _ limits: UpstreamTimeLimits
  ) async throws(BackendError) -> HTTPClientResponse {
    var request = HTTPClientRequest(url: specification.url + exchange.path)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.headers.add(name: "x-request-id", value: call.requestID)
    if call.priority == .shadow { request.headers.add(name: "x-shadow", value: "1") }
    if let apiKey { request.headers.add(name: "authorization", value: "Bearer \(apiKey)") }
    request.body = .bytes(ByteBuffer(bytes: exchange.body))
    // Before the head comes, silence is bounded by the time to the first token; a whole answer
    // comes with its head and has the whole time.
    let limit = exchange.isStreamed ? limits.firstToken : limits.end
    let patience = ContinuousClock.now.duration(to: limit).seconds
    do {
      return try await connections.client.execute(request, deadline: .now() + .seconds(patience))
    } catch {
      throw UpstreamFailure.classify(error, model: model)
    }
  }

  private func wholeAnswer(
    _ response: HTTPClientResponse, _ exchange: UpstreamExchange, _ timeLimits: UpstreamTimeLimits
  ) async throws(BackendError) -> ChatCompletion {
    let limits = exchange.limits
    let body: ByteBuffer
    do {
      body = try await TimeLimit.run(until: timeLimits.end) {
        try await response.body.collect(upTo: limits.maximumBytes)
      }
    } catch is NIOTooManyBytesError {
      throw malformed("it has more than \(limits.maximumBytes) bytes")
    } catch {
      throw UpstreamFailure.classify(error, model: model)
    }
    do {
      return try exchange.decodeWhole(Array(body.readableBytesView), limits)
    } catch {
      throw BackendError(.malformed, error)
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
