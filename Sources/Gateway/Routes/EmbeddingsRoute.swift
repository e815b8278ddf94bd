import Backends
import Experimentation
import Hummingbird
import OpenAIAPI
import Routing

/// `POST /v1/embeddings`: vectors by a model that the client names.
///
/// A route's name is refused: whoever keeps vectors compares them with later ones, and those of two
/// models have nothing in common. A rollout that moved a route on would spoil every index that its
/// clients have built, and no gate would see it.
struct EmbeddingsRoute: Sendable {
  let gateway: Gateway
  let requestID: String
  /// Whoever waits.
  let client: ClientPresence
  let incoming: IncomingBody

  func respond(to request: Request) async throws -> Response {
    let deadline = ContinuousClock.now + gateway.configuration.requestTimeout
    let body = try await RequestBytes.read(request, incoming, gateway.configuration)
    let limits = gateway.configuration.limits
    // Of up to a megabyte, which may take longer than an event loop should.
    let asked = try await withTaskExecutorPreference(globalConcurrentExecutor) {
      try EmbeddingRequest(decoding: body, limits: limits)
    }
    let model = try Self.model(of: asked, in: gateway.table.snapshot)
    guard let backend = gateway.backends.backend(for: model) else {
      throw APIError.unavailable("Model '\(model)' is not ready yet.")
    }
    try gateway.admission.enter()
    defer { gateway.admission.leave() }
    let call = EmbeddingCall(
      asked.texts, dimensions: asked.dimensions, requestID: requestID, priority: .live,
      deadline: deadline)
    let patience = Patience(
      until: deadline, client: client, shutdownGrace: gateway.configuration.shutdownGrace)
    do {
      let made = try await patience.run { try await backend.embed(call) }
      gateway.metrics.embeddingRequested(model, nil)
      gateway.metrics.embedded(model, .live, tokens: made.tokens ?? 0)
      let list = EmbeddingList(
        vectors: made.vectors, model: model.text, promptTokens: made.tokens)
      let bytes = await withTaskExecutorPreference(globalConcurrentExecutor) {
        list.encoded(asked.format)
      }
      return marked(.json(bytes), model)
    } catch {
      gateway.metrics.embeddingRequested(
        model, error is ShutdownReached ? .overloaded : FailureClass(error))
      return marked(.refusal(APIError(answering: error), requestID: requestID), model)
    }
  }

  /// The model that the client names.
  ///
  /// - Throws: 400 for a route, 404 for what is neither
  static func model(
    of request: EmbeddingRequest, in table: RoutingTable
  ) throws(APIError) -> ModelName {
    if let model = ModelName(request.model), table.models.contains(model),
      RouteName(request.model).flatMap({ table.routes[$0] }) == nil
    {
      return model
    }
    guard let route = RouteName(request.model), table.routes[route] != nil else {
      throw .modelNotFound(request.model)
    }
    throw .invalidRequest(
      "'\(route)' is a route, whose model changes as rollouts go on, and vectors of two models "
        + "cannot be compared. Name a model; see GET /v1/models.",
      param: "model", code: "route_has_no_embeddings")
  }

  private func marked(_ response: Response, _ model: ModelName) -> Response {
    var response = response
    response.setHeader("x-request-id", requestID)
    response.setHeader("x-rollout-request-id", requestID)
    response.setHeader("x-rollout-model", model.text)
    return response
  }
}
