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
  private let specification: UpstreamSpecification
  private let apiKey: String?
  private let liveClient: HTTPClient
  private let shadowClient: HTTPClient

  /// - Parameter environment: looks up the key's variable; `nil` there means that it is not set
  /// - Throws: `unavailable` when the policy names a variable that is not set
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
      apiKey = key
    } else {
      apiKey = nil
    }
    liveClient = Self.client(specification.timeouts)
    shadowClient = Self.client(specification.timeouts)
  }

  /// Closes the connections. The backend answers nothing afterwards.
  package func shutdown() async {
    try? await liveClient.shutdown()
    try? await shadowClient.shutdown()
  }

  private static func client(_ timeouts: UpstreamTimeouts) -> HTTPClient {
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(
        connect: .seconds(timeouts.connectSeconds), read: .seconds(timeouts.idleSeconds)),
      decompression: .disabled)
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 512
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.httpVersion = .http1Only
    return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  package func answer(_ call: Call) async throws(BackendError) -> Answer {
    let exchange = UpstreamExchange(call, upstreamModel: specification.model)
    let start = ContinuousClock.now
    let response = try await execute(exchange, call, from: start)
    guard response.status == .ok else { throw await refusal(response) }
    guard response.headers["content-encoding"].allSatisfy({ $0 == "identity" }) else {
      throw malformed("it is compressed, which was not asked for")
    }
    if exchange.isStreamed {
      let stream = UpstreamStream(
        response.body, exchange: exchange, model: model, start: start)
      return Answer { try await stream.next() }
    }
    let whole = try await wholeAnswer(response, exchange)
    let seconds = start.duration(to: .now).seconds
    return Answer(events: WholeAnswer.events(of: whole, seconds: seconds))
  }

  private func execute(
    _ exchange: UpstreamExchange, _ call: Call, from start: ContinuousClock.Instant
  ) async throws(BackendError) -> HTTPClientResponse {
    var request = HTTPClientRequest(url: specification.url + exchange.path)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.headers.add(name: "x-request-id", value: call.requestID)
    if call.priority == .shadow { request.headers.add(name: "x-shadow", value: "1") }
    if let apiKey { request.headers.add(name: "authorization", value: "Bearer \(apiKey)") }
    request.body = .bytes(ByteBuffer(bytes: exchange.body))
    let client = call.priority == .live ? liveClient : shadowClient
    let remaining = start.duration(to: call.deadline).seconds
    let limit = min(remaining, specification.timeouts.totalSeconds)
    // Before the head comes, silence is bounded by the time to the first token; a whole answer
    // comes with its head and has the whole time.
    let patience =
      exchange.isStreamed ? min(limit, specification.timeouts.firstTokenSeconds) : limit
    do {
      return try await client.execute(request, deadline: .now() + .seconds(patience))
    } catch {
      throw UpstreamFailure.classify(error, model: model)
    }
  }

  private func wholeAnswer(
    _ response: HTTPClientResponse, _ exchange: UpstreamExchange
  ) async throws(BackendError) -> ChatCompletion {
    let limits = ResponseLimits.standard
    let body: ByteBuffer
    do {
      body = try await response.body.collect(upTo: limits.maximumBytes)
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

  private func refusal(_ response: HTTPClientResponse) async -> BackendError {
    let body = try? await response.body.collect(upTo: 64 << 10)
    return UpstreamFailure.refusal(
      status: Int(response.status.code), body: body.map { Array($0.readableBytesView) } ?? [],
      model: model)
  }

  private func malformed(_ what: String) -> BackendError {
    BackendError(
      .malformed, .badGateway("The answer of '\(model)' is unusable: \(what).", code: "malformed"))
  }
}

extension TimeAmount {
  static func seconds(_ seconds: Double) -> TimeAmount {
    .nanoseconds(Int64((max(0, min(seconds, 86_400)) * 1e9).rounded()))
  }
}

extension Duration {
  /// In seconds, as a number for arithmetic and reports.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
