import Foundation
import Transformer

@testable import Evaluation

/// The real weights with an engine of two threads, loaded once for all tests.
///
/// Weights are not in the repository; `ROLLOUT_MODEL` may name the file, wherever it lies.
struct EvaluationModel {
  struct Missing: Error, CustomStringConvertible {
    let path: String

    var description: String {
      "no weights at '\(path)': run `make model`, or name the file in ROLLOUT_MODEL"
    }
  }

  let weights: Weights
  let tokenizer: Tokenizer
  let template: ChatTemplate
  let engine: Engine

  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// - Throws: `Missing`, with the remedy
  static func loaded() throws -> EvaluationModel { try shared.get() }

  private static let shared = Result {
    let path =
      ProcessInfo.processInfo.environment["ROLLOUT_MODEL"]
      ?? root.appending(path: ".models/SmolLM2-135M-Instruct.Q4_1.gguf").path
    guard FileManager.default.fileExists(atPath: path) else { throw Missing(path: path) }
    let file = try GGUFFile.open(path: path)
    let tokenizer = try Tokenizer(file)
    var configuration = Engine.Configuration()
    configuration.threads = 2
    return EvaluationModel(
      weights: try Weights(file), tokenizer: tokenizer,
      template: try ChatTemplate(file, tokenizer: tokenizer), engine: try Engine(configuration))
  }

  /// A shipped novel in tokens.
  func novel(_ name: String) throws -> [Token] {
    let text = try String(
      contentsOf: Self.root.appending(path: "fixtures/texts/\(name).txt"), encoding: .utf8)
    return tokenizer.encode(text, special: false)
  }

  func variant(_ spelling: String) throws -> ModelVariant {
    try VariantSpelling(spelling).variant(of: weights)
  }
}
