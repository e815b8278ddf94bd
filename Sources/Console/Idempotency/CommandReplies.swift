import Foundation
import Storage

/// Answers to commands that came with an idempotency key, so that each is carried out once.
///
/// Whoever sends a command while the same is under way waits for it and gets its answer; the last
/// ``capacity`` answers are given again, word for word. A refusal is not kept: the command had no
/// effect, and the same key may try again. What is older than that, or from before a restart, the
/// journal still knows (``Journal/entries(ofKey:)``).
actor CommandReplies {
  /// Answers kept; the oldest goes first. As many commands may be under way as there are
  /// connections, which are bounded elsewhere.
  static let capacity = 256

  private enum Reply {
    case underWay([CheckedContinuation<Result<Data, any Error>, Never>])
    case given(Data)
  }

  private var replies: [String: (fingerprint: String, reply: Reply)] = [:]
  /// Keys of given replies, the oldest first.
  private var given: [String] = []

  /// The answer to the command of `key`, which is carried out unless it was.
  ///
  /// - Throws: `keyReused` for a key that stood for another command; what `carryOut` throws, to all
  ///   who wait for it
  func reply(
    to key: IdempotencyKey, _ carryOut: @Sendable () async throws -> Data
  ) async throws -> Data {
    if let known = replies[key.text] {
      guard known.fingerprint == key.fingerprint else { throw ConsoleError.keyReused(key) }
      if case .given(let reply) = known.reply { return reply }
      return try await withCheckedContinuation { wait(for: key, $0) }.get()
    }
    replies[key.text] = (key.fingerprint, .underWay([]))
    let result: Result<Data, any Error>
    do { result = .success(try await carryOut()) } catch { result = .failure(error) }
    settle(key, result)
    return try result.get()
  }

  private func wait(
    for key: IdempotencyKey, _ continuation: CheckedContinuation<Result<Data, any Error>, Never>
  ) {
    guard case .underWay(let waiting) = replies[key.text]?.reply else {
      continuation.resume(returning: .failure(CancellationError()))
      return
    }
    replies[key.text] = (key.fingerprint, .underWay(waiting + [continuation]))
  }

  private func settle(_ key: IdempotencyKey, _ result: Result<Data, any Error>) {
    guard case .underWay(let waiting) = replies[key.text]?.reply else { return }
    if case .success(let reply) = result {
      replies[key.text] = (key.fingerprint, .given(reply))
      given.append(key.text)
      if given.count > Self.capacity { replies[given.removeFirst()] = nil }
    } else {
      replies[key.text] = nil
    }
    for continuation in waiting { continuation.resume(returning: result) }
  }
}

extension ConsoleError {
  /// The key stands for a command that asked for something else.
  static func keyReused(_ key: IdempotencyKey) -> ConsoleError {
    ConsoleError(
      .keyReused, "the idempotency key '\(key.text)' came with another command before",
      remedy: "send each command under a key of its own")
  }
}
