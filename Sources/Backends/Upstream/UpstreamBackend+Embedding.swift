import Experimentation
import OpenAIAPI

extension UpstreamBackend {
  /// Asks `POST …/embeddings`, and reads the answer strictly; see ``EmbeddingList``.
  package func embed(_ call: EmbeddingCall) async throws(BackendError) -> Embeddings {
    var request = EmbeddingRequest(model: specification.model, texts: call.texts)
    request.dimensions = call.dimensions
    let limits = UpstreamTimeLimits(specification.timeouts, deadline: call.deadline)
    let response = try await execute(
      UpstreamPost(
        path: "/embeddings", body: request.encoded(model: specification.model),
        requestID: call.requestID, priority: call.priority),
      headUntil: limits.end, limits)
    let body = try await collect(
      response, upTo: EmbeddingList.limits.maximumBytes, limits)
    let count = call.texts.count
    // A million numbers take longer than an event loop may wait.
    return try await withTaskExecutorPreference(globalConcurrentExecutor) {
      () async throws(BackendError) in
      do throws(APIError) {
        let list = try EmbeddingList(decoding: body, count: count, dimensions: call.dimensions)
        return Embeddings(vectors: list.vectors, tokens: list.promptTokens)
      } catch {
        throw BackendError(error.code == "malformed" ? .malformed : .unavailable, error)
      }
    }
  }
}
