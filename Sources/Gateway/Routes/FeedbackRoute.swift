import Experimentation
import HTTPTypes
import Hummingbird
import Logging
import OpenAIAPI
import Storage

/// `POST /v1/feedback`: what somebody thinks of an answer, joined to how its request was assigned.
struct FeedbackRoute {
  static let path = "/v1/feedback"

  let gateway: Gateway
  let incoming: IncomingBody

  private var configuration: FeedbackConfiguration { gateway.configuration.feedback }

  func respond(to request: Request) async throws -> Response {
    var bounds = gateway.configuration
    bounds.limits.maximumBodyBytes = FeedbackRequest.maximumBytes
    let said = try FeedbackRequest(
      decoding: try await RequestBytes.read(request, incoming, bounds), limits: bounds.limits)
    let now = gateway.edge.wallClock()
    let answered = try join(said, request, at: now)
    let feedback = try feedback(said, on: answered, at: now)
    let status = try await keep(feedback)
    gateway.metrics.feedback(on: feedback.model, status)
    var response = FeedbackResponse(
      status: status, requestID: feedback.requestID, choice: feedback.choice,
      metric: feedback.metric.text, value: feedback.value,
      isEvidence: feedback.isEvidence,
      // Who is told whose choice stood where can vote for a model.
      model: answered.isDrafted ? nil : feedback.model.text,
      route: feedback.assignment.route.text)
    let position = feedback.assignment.rollout
    response.rollout = position?.rollout.text
    response.run = position?.run
    response.step = position?.step
    return .json(response.encoded(), status: status == .unchanged ? .ok : .accepted)
  }

  /// Finds the answer: by its token, which says all and needs no key, or among the latest requests.
  private func join(
    _ said: FeedbackRequest, _ request: Request, at now: Int64
  ) throws(APIError) -> AnsweredRequest {
    if let token = said.token {
      guard let tokens = configuration.tokens else { throw FeedbackTokens.invalid }
      let answered = try tokens.request(of: token, at: now)
      guard said.requestID == nil || said.requestID == answered.requestID else {
        throw .invalidRequest(
          "The token is of another request; send either alone.", param: "request_id",
          code: "request_mismatch")
      }
      return answered.asKnown(by: gateway.recent[answered.requestID])
    }
    try Authentication.check(request.headers, gateway.configuration.apiKeys)
    guard let name = said.requestID, let answered = gateway.recent[name] else {
      throw APIError(
        status: 404,
        message: "No recent request of a route has this name; the token of an answer, its header "
          + "x-rollout-feedback-token, is never forgotten.",
        type: "invalid_request_error", param: "request_id", code: "request_not_found")
    }
    return answered
  }

  private func feedback(
    _ said: FeedbackRequest, on answered: AnsweredRequest, at now: Int64
  ) throws(APIError) -> Feedback {
    let metric = said.metric.map { FeedbackName($0) } ?? .standard
    guard let metric else {
      throw .invalidRequest(
        "Invalid 'metric': a name has 1 to 63 of a-z, 0-9, '.', '_' and '-', and begins with a "
          + "letter or a digit.", param: "metric", code: "invalid_value")
    }
    guard said.text == nil || configuration.keepsText else {
      throw .invalidRequest(
        "Invalid 'text': this service keeps no words; leave it out, or have it started with "
          + "--feedback-text on.", param: "text", code: "unsupported_parameter")
    }
    guard said.choice != nil || !answered.isDrafted else {
      throw .invalidRequest(
        "Missing 'choice': the answer has choices of several models, and 'choice' says which one "
          + "is meant.", param: "choice", code: "missing_required_parameter")
    }
    let choice = said.choice ?? 0
    guard let model = answered.author(of: choice) else {
      throw .invalidRequest(
        "Invalid 'choice': the answer has \(answered.choices.count).", param: "choice",
        code: "invalid_value")
    }
    return Feedback(
      requestID: answered.requestID, assignment: answered.assignment, model: model,
      choice: choice, metric: metric, value: said.value, receivedAtMilliseconds: now,
      isLate: !configuration.window.isOpen(since: answered.assignment.atMilliseconds, at: now),
      text: said.text)
  }

  private func keep(_ feedback: Feedback) async throws(APIError) -> FeedbackResponse.Status {
    // Nobody reads rows that belong to no run.
    guard feedback.assignment.rollout != nil else { return .unassigned }
    let receipt: FeedbackReceipt?
    do { receipt = try await gateway.feedback.record(feedback) } catch {
      gateway.logger.warning("feedback could not be written", metadata: ["error": "\(error)"])
      throw .unavailable("Feedback cannot be kept at present; send it again later.")
    }
    switch receipt {
    case nil: throw .unavailable("Too much feedback comes at once; send it again in a second.")
    case .unchanged: return .unchanged
    case .outlived: return .late
    case .full:
      throw .conflict(
        "This answer has \(FeedbackReceipt.mostOfAnswer) ratings, as many as one may have; what "
          + "stands can still be changed.", code: "too_many_ratings")
    case .recorded: return feedback.isLate ? .late : .recorded
    case .replaced: return feedback.isLate ? .late : .replaced
    }
  }
}
