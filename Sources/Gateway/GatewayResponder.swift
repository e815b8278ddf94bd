import HTTPTypes
import Hummingbird
import NIOCore
import OpenAIAPI

/// From method and path to the route that answers. Paths are taken as they stand: what is not
/// spelled canonically (`//v1/models`, `/v1/%6dodels`) is not found.
struct GatewayResponder: HTTPResponder {
  let gateway: Gateway

  func respond(to request: Request, context: GatewayContext) async throws -> Response {
    try RequestFraming.check(request)
    let requestID = RequestID.of(request, fallback: gateway.edge.makeRequestID)
    let body = IncomingBody(request)
    var response: Response
    do {
      response = try await route(request, body, context, requestID)
    } catch let error as APIError {
      gateway.metrics.refused(status: error.status)
      response = Response.refusal(error, requestID: requestID)
        .draining(body, gateway.configuration, on: context.channel)
    }
    if Self.path(of: request) == FeedbackRoute.path { crossOrigin.mark(&response, to: request) }
    return response
  }

  private static func path(of request: Request) -> Substring {
    request.head.path.map { $0.prefix { $0 != "?" } } ?? ""
  }

  private var crossOrigin: CrossOrigin {
    CrossOrigin(origins: gateway.configuration.feedback.origins)
  }

  private func route(
    _ request: Request, _ body: IncomingBody, _ context: GatewayContext, _ requestID: String
  ) async throws -> Response {
    switch Self.path(of: request) {
    case "/health/live": return try get(request) { .text("live\n") }
    case "/health/ready": return try await readiness(request)
    case "/metrics": return try get(request) { .metrics(gateway.edge.renderMetrics()) }
    case "/v1/models":
      try Authentication.check(request.headers, gateway.configuration.apiKeys)
      return try get(request) { ModelsRoute(gateway: gateway).list() }
    case let path where path.hasPrefix(ModelsRoute.prefix):
      try Authentication.check(request.headers, gateway.configuration.apiKeys)
      let name = String(path.dropFirst(ModelsRoute.prefix.count))
      guard request.method == .get else { throw Self.notAllowed(request) }
      return try ModelsRoute(gateway: gateway).entry(name)
    case "/v1/chat/completions": return try await ask(.chat, request, body, context, requestID)
    case "/v1/completions": return try await ask(.text, request, body, context, requestID)
    case "/v1/embeddings": return try await embed(request, body, context, requestID)
    case FeedbackRoute.path:
      if request.method == .options { return try crossOrigin.preflight(request) }
      guard request.method == .post else { throw Self.notAllowed(request) }
      return try await FeedbackRoute(gateway: gateway, incoming: body).respond(to: request)
    default:
      throw APIError.notFound("There is nothing at this path; see GET /v1/models.")
    }
  }

  private func ask(
    _ endpoint: Question.Endpoint, _ request: Request, _ body: IncomingBody,
    _ context: GatewayContext, _ requestID: String
  ) async throws -> Response {
    try await InferenceRoute(
      gateway: gateway, endpoint: endpoint, requestID: requestID,
      client: try client(request, context), incoming: body
    ).respond(to: request)
  }

  private func embed(
    _ request: Request, _ body: IncomingBody, _ context: GatewayContext, _ requestID: String
  ) async throws -> Response {
    try await EmbeddingsRoute(
      gateway: gateway, requestID: requestID, client: try client(request, context), incoming: body
    ).respond(to: request)
  }

  /// Whoever waits for a model's work, and may ask for it.
  private func client(
    _ request: Request, _ context: GatewayContext
  ) throws -> ClientPresence {
    guard request.method == .post else { throw Self.notAllowed(request) }
    try Authentication.check(request.headers, gateway.configuration.apiKeys)
    // Only a connection that is closed has nobody on it.
    guard let client = gateway.clients.presence(on: context.channel) else {
      throw APIError.clientClosedRequest()
    }
    return client
  }

  private func readiness(_ request: Request) async throws -> Response {
    guard request.method == .get else { throw Self.notAllowed(request) }
    guard let reason = await gateway.edge.unreadyReason() else { return .text("ready\n") }
    return .text("not ready: \(reason)\n", status: .serviceUnavailable)
  }

  private func get(_ request: Request, _ respond: () -> Response) throws -> Response {
    guard request.method == .get else { throw Self.notAllowed(request) }
    return respond()
  }

  private static func notAllowed(_ request: Request) -> APIError {
    .methodNotAllowed("\(request.method.rawValue) is not possible at this path.")
  }
}
