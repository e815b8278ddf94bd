import Experimentation
import Hummingbird
import OpenAIAPI

/// One question whose answer several models give together, in one piece or as a stream.
struct InterleavedRoute: Sendable {
  let route: InferenceRoute
  let request: ChatCompletionRequest
  let destination: Destination

  private var gateway: Gateway { route.gateway }

  func respond(_ received: ContinuousClock.Instant) async throws -> Response {
    let place = try AdmittedPlace(gateway.admission)
    let deadline = received + gateway.configuration.requestTimeout
    let patience = Patience(
      until: deadline, client: route.client, shutdownGrace: gateway.configuration.shutdownGrace)
    let rows = DraftRows(
      destination, requestID: route.requestID, received: received, gateway: gateway)
    do {
      guard request.streaming.isOn else {
        defer { place.leave() }
        let whole = try await InterleavedAnswer(
          gateway: gateway, request: request, requestID: route.requestID,
          destination: destination, deadline: deadline, rows: rows
        ).answer(patience)
        return head(written(by: whole.authors, isAsDrafted: whole.isAsDrafted))
          .response(to: whole.completion)
      }
      let stream = InterleavedStream(
        gateway: gateway, request: request, requestID: route.requestID, destination: destination,
        deadline: deadline, rows: rows)
      return response(streaming: stream, try await stream.begin(patience), patience, place)
    } catch {
      place.leave()
      return head(nil).response(failing: APIError(answering: error))
    }
  }

  private func response(
    streaming stream: InterleavedStream, _ begun: InterleavedStream.Begun, _ patience: Patience,
    _ place: AdmittedPlace
  ) -> Response {
    let answered = written(by: begun.authors, isAsDrafted: begun.isAsDrafted)
    let head = head(answered)
    return head.response(streaming: { lent in
      defer { place.leave() }
      try await stream.write(begun, head, patience, to: lent) {
        // The token is out. Who rates by it is told at once, as long as this process knows; what
        // is read later hangs on the rows, which say who broke.
        guard var answered, answered.assignment.propensity != nil else { return }
        answered.assignment.propensity = nil
        gateway.recent.note(answered)
      }
    })
  }

  /// The answer as feedback knows it.
  private func written(by authors: [ModelName], isAsDrafted: Bool) -> AnsweredRequest? {
    guard var assignment = destination.assignment else { return nil }
    // Places that others filled would give credit to who did not earn it.
    if !isAsDrafted { assignment.propensity = nil }
    var answered = AnsweredRequest(
      requestID: route.requestID, assignment: assignment, model: destination.model)
    answered.choices = authors
    return answered
  }

  private func head(_ answered: AnsweredRequest?) -> AnswerHead {
    AnswerHead(
      endpoint: route.endpoint, requestID: route.requestID,
      created: gateway.edge.wallClock() / 1_000, destination: destination,
      includesUsage: request.streaming.includesUsage,
      feedbackToken: answered.flatMap { route.feedbackToken(of: $0) })
  }
}
