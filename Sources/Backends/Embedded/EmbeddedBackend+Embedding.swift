import Experimentation
import OpenAIAPI
import Transformer

extension EmbeddedBackend {
  /// The mean over a text's tokens of the last layer's normalised hidden states, of length 1, as
  /// llama.cpp's server makes them with `--pooling mean`. One text after the other, so that a
  /// request takes one place in the engine however many it brings.
  ///
  /// - Throws: `rejected` for a text beyond the context, `invalidRequest` for dimensions that are
  ///   not the model's and for more numbers than an answer may have
  package func embed(_ call: EmbeddingCall) async throws(BackendError) -> Embeddings {
    try check(call)
    // Tokens of a long text take longer than an event loop may wait.
    return try await withTaskExecutorPreference(globalConcurrentExecutor) {
      () async throws(BackendError) in
      var made = Embeddings(vectors: [], tokens: 0)
      for text in call.texts {
        let tokens =
          (file.tokenizer.beginOfText.map { [$0] } ?? [])
          + file.tokenizer.encode(text, special: false)
        made.vectors.append(try await embed(tokens, Priority(call.priority)))
        made.tokens = (made.tokens ?? 0) + tokens.count
      }
      return made
    }
  }

  private func embed(
    _ tokens: [Token], _ priority: Priority
  ) async throws(BackendError) -> [Float] {
    do {
      return try await engine.embed(tokens, on: variant, priority: priority)
    } catch let error as TransformerError {
      throw BackendError(error, promptIn: "input")
    } catch {
      throw BackendError(.cancelled, .clientClosedRequest())
    }
  }

  private func check(_ call: EmbeddingCall) throws(BackendError) {
    let width = variant.weights.parameters.width
    if let dimensions = call.dimensions, dimensions != width {
      throw BackendError(
        .invalidRequest,
        .invalidRequest(
          "Vectors of '\(model)' have \(width) numbers and cannot be cut to \(dimensions); leave "
            + "'dimensions' out.", param: "dimensions", code: "unsupported_parameter"))
    }
    guard call.texts.count * width <= EmbeddingList.maximumNumbers else {
      throw BackendError(
        .invalidRequest,
        .invalidRequest(
          "\(call.texts.count) vectors of \(width) numbers are more than the "
            + "\(EmbeddingList.maximumNumbers) of one answer; send at most "
            + "\(EmbeddingList.maximumNumbers / width) texts.", param: "input"))
    }
  }
}
