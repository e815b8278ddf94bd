import Backends
import Experimentation
import Foundation
import OpenAIAPI
import Tensors
import Transformer

/// The real weights, run by one engine for all tests as it is by default, and by one whose
/// activations are rounded to 8 bits.
///
/// Weights are not in the repository; `ROLLOUT_MODEL` may name the file, wherever it lies.
enum EmbeddedModel {
  struct Missing: Error, CustomStringConvertible {
    let path: String

    var description: String {
      "no weights at '\(path)': run `make model`, or name the file in ROLLOUT_MODEL"
    }
  }

  /// - Throws: `Missing`, with the remedy
  static func path() throws -> String {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let path =
      ProcessInfo.processInfo.environment["ROLLOUT_MODEL"]
      ?? root.appending(path: ".models/SmolLM2-135M-Instruct.Q4_1.gguf").path
    guard FileManager.default.fileExists(atPath: path) else { throw Missing(path: path) }
    return path
  }

  static func models(isRounded: Bool = false) throws -> EmbeddedModels {
    isRounded ? try rounded.get() : try exact.get()
  }

  /// A variant of the file.
  static func backend(
    _ name: String = "dense", attention: AttentionSpecification = .dense, context: Int? = nil,
    sha256: String? = nil, isRounded: Bool = false
  ) throws -> EmbeddedBackend {
    try models(isRounded: isRounded).backend(
      for: modelName(name),
      EngineSpecification(
        weights: try path(), sha256: sha256, attention: attention, context: context))
  }

  private static let exact = Result {
    EmbeddedModels(engine: try Engine(), folder: "/nowhere")
  }
  private static let rounded = Result {
    var configuration = Engine.Configuration()
    configuration.mode = .int8
    return EmbeddedModels(engine: try Engine(configuration), folder: "/nowhere")
  }
}

extension ChatCompletionRequest {
  /// A short greedy answer.
  static func greedy(_ text: String, maxTokens: Int) -> ChatCompletionRequest {
    var request = ChatCompletionRequest(text)
    request.sampling.temperature = 0
    request.maxTokens = maxTokens
    return request
  }
}
