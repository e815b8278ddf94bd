import Backends
import Experimentation
import Foundation
import OpenAIAPI
import Promotion

/// Makes backends for the models that control names, before a table may name them.
struct ModelPreparation: Sendable {
  let registry: BackendRegistry
  let embedded: EmbeddedModels

  /// - Throws: `invalid` for the first model that cannot answer, with what is wrong and how to mend
  ///   it
  func prepare(_ models: [ModelSpecification]) async throws(CommandRefusal) {
    for model in models {
      do {
        registry.register(try await backend(for: model))
      } catch {
        throw CommandRefusal(.invalid, error.apiError.message)
      }
    }
  }

  private func backend(
    for model: ModelSpecification
  ) async throws(BackendError) -> any Backend {
    switch model.backend {
    case .engine(let specification):
      try await EngineLoading.run { () throws(BackendError) in
        try embedded.backend(for: model.name, specification)
      }
    case .upstream(let specification):
      try UpstreamBackend(
        model: model.name, specification: specification,
        environment: { ProcessInfo.processInfo.environment[$0] })
    }
  }
}

/// Loading reads and repacks for hundreds of milliseconds, which must not hold up the threads that
/// serve: it runs on a thread of its own.
private enum EngineLoading {
  static func run<Value: Sendable>(
    _ body: @escaping @Sendable () throws(BackendError) -> Value
  ) async throws(BackendError) -> Value {
    let result: Result<Value, BackendError> = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(returning: Result(catching: body))
      }
    }
    return try result.get()
  }
}
