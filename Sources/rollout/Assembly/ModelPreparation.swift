import Backends
import Experimentation
import Foundation
import Logging
import OpenAIAPI
import Promotion

/// Makes backends for the models that control names.
struct ModelPreparation: Sendable {
  let registry: BackendRegistry
  let embedded: EmbeddedModels
  let logger: Logger

  /// Makes backends that answer nobody yet.
  ///
  /// - Returns: what has them answer for their models from then on
  /// - Throws: `invalid` for the first model that cannot answer, with what is wrong and how to mend
  ///   it
  func prepare(
    _ models: [ModelSpecification]
  ) async throws(CommandRefusal) -> @Sendable () -> Void {
    var backends: [any Backend] = []
    for model in models {
      do {
        backends.append(try await backend(for: model))
      } catch {
        throw CommandRefusal(.invalid, error.apiError.message)
      }
    }
    for backend in backends {
      for note in backend.notes { logger.notice("model '\(backend.model)' \(note)") }
    }
    return { [registry, backends] in
      for backend in backends { registry.register(backend) }
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
      try upstream(model.name, specification)
    }
  }

  private func upstream(
    _ name: ModelName, _ specification: UpstreamSpecification
  ) throws(BackendError) -> any Backend {
    let backend = try UpstreamBackend(
      model: name, specification: specification,
      environment: { ProcessInfo.processInfo.environment[$0] })
    return specification.price.map { PricedBackend(backend, price: $0) } ?? backend
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
