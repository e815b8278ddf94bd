import Backends
import Experimentation
import Quality
import Synchronization

/// Has both answers of a pair embedded and compares them, as far as the policy allows.
///
/// Runs within the task of the shadow whose answer it is about, after that has freed its place. A
/// pair that comes while as many are embedded as may be is not compared; nothing waits for it but
/// the row of the pair.
final class EmbeddingDesk: Sendable {
  /// Bytes of an answer that is embedded; a longer one is not, as its beginning is another answer.
  static let maximumBytes = 32 << 10

  private let backends: BackendRegistry
  private let metrics: GatewayMetrics
  private let deadline: Duration
  private let wallClock: @Sendable () -> Int64
  private let ledger = Mutex(SideLedger())

  /// - Parameter deadline: for both vectors together
  init(
    backends: BackendRegistry, metrics: GatewayMetrics, deadline: Duration,
    wallClock: @escaping @Sendable () -> Int64
  ) {
    self.backends = backends
    self.metrics = metrics
    self.deadline = deadline
    self.wallClock = wallClock
  }

  /// How much both answers are alike, 0…1; `nil` when it was not measured.
  func similarity(
    _ incumbent: String, _ candidate: String, by policy: EmbeddingPolicy, requestID: String
  ) async -> Double? {
    let texts = [incumbent, candidate]
    guard texts.allSatisfy({ $0.contains { !$0.isWhitespace } }) else {
      return skip(policy, .noText)
    }
    guard texts.allSatisfy({ $0.utf8.count <= Self.maximumBytes }) else {
      return skip(policy, .tooLong)
    }
    guard let backend = backends.backend(for: policy.model) else {
      return skip(policy, .noBackend)
    }
    let day = wallClock() / 86_400_000
    if let refusal = ledger.withLock({ $0.enter(policy, day: day) }) {
      return skip(policy, EmbeddingOutcome(refusal))
    }
    // A server that counts nothing reads all the same: by and large a token has three bytes.
    var tokens = texts.reduce(0) { $0 + $1.utf8.count } / 3 + 1
    defer {
      ledger.withLock { [tokens] in $0.leave(policy.model, tokens: tokens) }
      metrics.embedded(policy.model, .pair, tokens: tokens)
    }
    let call = EmbeddingCall(
      texts, requestID: requestID, priority: .shadow, deadline: .now + deadline)
    do {
      let made = try await Patience(until: call.deadline).run { try await backend.embed(call) }
      tokens = made.tokens ?? tokens
      guard made.vectors.count == 2,
        let cosine = EmbeddingSimilarity.cosine(made.vectors[0], made.vectors[1])
      else { return skip(policy, .malformed) }
      metrics.pairEmbedded(policy.model, .compared)
      return cosine
    } catch {
      return skip(policy, EmbeddingOutcome(FailureClass(error)))
    }
  }

  private func skip(_ policy: EmbeddingPolicy, _ reason: EmbeddingOutcome) -> Double? {
    metrics.pairEmbedded(policy.model, reason)
    return nil
  }
}

/// What became of a pair whose answers should be embedded: the label of a counter.
enum EmbeddingOutcome: String, CaseIterable {
  case compared
  /// What came is no pair of vectors with one dimension and a direction.
  case malformed
  /// The model gave none: it makes none, is overloaded, or did not answer in time.
  case failed
  /// It embeds as many pairs as it may.
  case busy
  /// The day's tokens are spent.
  case tokenBudget
  /// An answer is too long to be embedded whole, here or for the model.
  case tooLong
  /// An answer says nothing.
  case noText
  /// The model is not ready.
  case noBackend

  init(_ refusal: SideLedger.Refusal) {
    switch refusal {
    case .busy: self = .busy
    case .tokenBudget: self = .tokenBudget
    }
  }

  init(_ failure: FailureClass) {
    switch failure {
    case .malformed: self = .malformed
    case .rejected: self = .tooLong
    default: self = .failed
    }
  }
}
