import Backends
import Experimentation
import HTTPTypes
import Hummingbird
import NIOCore
import OpenAIAPI
import Routing

/// `POST /v1/chat/completions` and `/v1/completions`: one question, from its bytes to its answer.
struct InferenceRoute: Sendable {
  let gateway: Gateway
  let endpoint: Question.Endpoint
  let requestID: String
  /// Whoever waits.
  let client: ClientPresence
  let incoming: IncomingBody

  func respond(to request: Request) async throws -> Response {
    let received = ContinuousClock.now
    let body = try await RequestBytes.read(request, incoming, gateway.configuration)
    let question = try await read(body)
    let destination = try Destination(
      question, headers: request.headers, draw: gateway.edge.makeRequestID(),
      table: gateway.table.snapshot,
      atMilliseconds: gateway.edge.wallClock())
    if !destination.draft.isEmpty, case .chat(let asked) = question.prompt {
      return try await InterleavedRoute(route: self, request: asked, destination: destination)
        .respond(received)
    }
    guard let backend = gateway.backends.backend(for: destination.model) else {
      throw APIError.unavailable("Model '\(destination.model)' is not ready yet.")
    }
    try gateway.admission.enter()
    let exchange = LiveExchange(
      question, to: destination, requestID: requestID, received: received, gateway: gateway)
    let deadline = received + gateway.configuration.requestTimeout
    let call = Call(question.prompt, requestID: requestID, priority: .live, deadline: deadline)
    let patience = Patience(
      until: deadline, client: client, shutdownGrace: gateway.configuration.shutdownGrace)
    let head = AnswerHead(
      endpoint: endpoint, requestID: requestID, created: gateway.edge.wallClock() / 1_000,
      destination: destination, includesUsage: question.streaming.includesUsage,
      feedbackToken: feedbackToken(destination))
    do {
      switch try await begin(call, on: backend, patience, question.streaming.isOn) {
      case .whole(let collector):
        exchange.end(with: collector)
        return head.response(to: collector)
      case .streaming(let answer, let first):
        return head.response(streaming: answer, from: first, exchange, patience)
      }
    } catch {
      // Nothing came yet when the service stopped: that says no more about the model than a
      // service that is full.
      exchange.end(with: error is ShutdownReached ? .overloaded : FailureClass(error))
      return head.response(failing: APIError(answering: error))
    }
  }

  /// Has the request counted and known to feedback, and says the token by which it may be rated.
  private func feedbackToken(_ destination: Destination) -> String? {
    guard let assignment = destination.assignment else { return nil }
    let request = AnsweredRequest(
      requestID: requestID, assignment: assignment, model: destination.model)
    return feedbackToken(of: request)
  }

  func feedbackToken(of request: AnsweredRequest) -> String? {
    gateway.recent.note(request)
    gateway.rates.note(request.assignment.route, at: request.assignment.atMilliseconds)
    return gateway.configuration.feedback.tokens?.token(of: request)
  }

  /// Bytes of a body that an event loop may take the time to decode: some tenths of a millisecond.
  private static let shortBody = 64 << 10

  private func read(_ body: [UInt8]) async throws -> Question {
    guard body.count > Self.shortBody else {
      return try Question(endpoint, body: body, limits: gateway.configuration.limits)
    }
    return try await withTaskExecutorPreference(globalConcurrentExecutor) {
      try Question(endpoint, body: body, limits: gateway.configuration.limits)
    }
  }

  private enum Begun: Sendable {
    case whole(AnswerCollector)
    case streaming(Answer, first: AnswerEvent?)
  }

  /// Asks, and waits for the whole answer or for its first event: until then a failure is an HTTP
  /// status, and no head has been sent.
  private func begin(
    _ call: Call, on backend: any Backend, _ patience: Patience, _ isStreaming: Bool
  ) async throws -> Begun {
    try await patience.run {
      let answer = try await backend.answer(call)
      if isStreaming {
        var events = answer.events.makeAsyncIterator()
        return .streaming(answer, first: try await events.next())
      }
      var collector = AnswerCollector(id: "", created: 0, model: "")
      for try await event in answer.events { try collector.take(event) }
      try collector.checkIsWhole()
      return .whole(collector)
    }
  }
}

extension APIError {
  /// What a client is told when answering failed.
  init(answering error: any Error) {
    switch error {
    case let error as BackendError: self = error.apiError
    case let error as APIError: self = error
    case is ShutdownReached: self = .shuttingDown()
    case is DeadlineExceeded: self = .deadlineExceeded("The answer took longer than it may.")
    case is CancellationError: self = .clientClosedRequest()
    default: self = .internalFailure("The answer failed.")
    }
  }
}
