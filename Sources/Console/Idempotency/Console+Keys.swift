import Experimentation
import Foundation
import HTTPTypes
import Hummingbird
import PolicyLanguage
import Promotion
import Storage

extension Console {
  /// Carries out what a request asks, once for each idempotency key, and answers.
  ///
  /// - Parameters:
  ///   - carryOut: gets the body and the key to keep with what the command becomes
  ///   - recall: makes the answer anew from what the command has become, when the words of the
  ///     first one are not known any more
  func once<Body: Decodable & Sendable, Answer: Encodable & SendableMetatype>(
    _ request: Request,
    _ carryOut: @Sendable (Body, IdempotencyKey?) async throws -> Answer,
    recalling recall: @Sendable (Body, [HistoryResponse.Entry]) async throws -> Answer
  ) async throws -> Response {
    let bytes = try await JSONBody.read(request)
    let body = try JSONBody.decode(Body.self, from: bytes)
    guard let key = try Self.key(of: request, bytes) else {
      return try JSONBody.response(await carryOut(body, nil))
    }
    let reply = try await replies.reply(to: key) {
      guard let known = try await entries(of: key) else {
        return try JSONBody.encode(await carryOut(body, key))
      }
      return try JSONBody.encode(await recall(body, known))
    }
    return JSONBody.response(reply)
  }

  private func entries(of key: IdempotencyKey) async throws -> [HistoryResponse.Entry]? {
    do {
      guard let known = try await controller.entries(ofKey: key.text) else { return nil }
      guard known.fingerprint == key.fingerprint else { throw ConsoleError.keyReused(key) }
      return known.entries.map(HistoryResponse.Entry.init)
    } catch let error as StorageError {
      throw ErrorResponse.Problem(error)
    }
  }

  /// The key of a request, whose fingerprint is of the address and the body, byte by byte.
  private static func key(of request: Request, _ body: Data) throws -> IdempotencyKey? {
    guard let text = idempotencyKey.flatMap({ request.headers[$0] }) else { return nil }
    let fingerprint = Digest.hex(of: Array("\(request.uri.string)\n".utf8) + body)
    guard let key = IdempotencyKey(text, fingerprint: fingerprint) else {
      throw ConsoleError(
        .malformed,
        "the header 'idempotency-key' is not one key of 1 to \(IdempotencyKey.maximumBytes) "
          + "visible characters of ASCII",
        remedy: "send a random UUID")
    }
    return key
  }

  private static let idempotencyKey = HTTPField.Name("idempotency-key")
}
