package import Experimentation
import Synchronization

/// The backends that are ready, by name of their model.
///
/// A table may name a model only after its backend is here: requests look up and never wait.
package final class BackendRegistry: Sendable {
  private let backends = Mutex<[ModelName: any Backend]>([:])

  package init() {}

  /// The backend of `model`, or `nil` when there is none yet.
  package func backend(for model: ModelName) -> (any Backend)? {
    backends.withLock { $0[model] }
  }

  /// Makes `backend` answer for its model from here on; requests under way keep the one they have.
  package func register(_ backend: any Backend) {
    backends.withLock { $0[backend.model] = backend }
  }

  /// The models that are ready, in order of name.
  package var models: [ModelName] { backends.withLock { $0.keys.sorted() } }
}
