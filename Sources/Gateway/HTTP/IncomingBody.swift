import HTTPTypes
import Hummingbird
import NIOCore
import OpenAIAPI

/// The body of one request while it comes in: read for its sake, or only to get past it.
///
/// `@unchecked Sendable`: one task at a time reads it, first the one that needs the bytes and,
/// where that refused them, the one that answered.
final class IncomingBody: @unchecked Sendable {
  private var iterator: RequestBody.AsyncIterator
  private(set) var isAtEnd: Bool
  /// What the head says of the length, in bytes; `nil` for chunks.
  let declaredLength: Int?

  init(_ request: Request) {
    iterator = request.body.makeAsyncIterator()
    let isChunked = request.headers[.transferEncoding] != nil
    declaredLength = isChunked ? nil : request.headers[.contentLength].flatMap(Int.init) ?? 0
    isAtEnd = declaredLength == 0
  }

  /// Whether reading failed or was called off: no end is ever seen then, though nothing more comes.
  private var isBroken = false

  /// The next bytes, or `nil` at the end.
  func next() async throws -> ByteBuffer? {
    guard !isBroken else { throw CancellationError() }
    // A copy, because a stored one would be held exclusively while bytes are waited for.
    var iterator = iterator
    let buffer: ByteBuffer?
    do { buffer = try await iterator.next() } catch {
      isBroken = true
      throw error
    }
    self.iterator = iterator
    if buffer == nil { isAtEnd = true }
    return buffer
  }

  /// Reads on and throws away, until the end or one of the bounds.
  func drain(upTo maximumBytes: Int, within limit: Duration) async {
    do {
      try await Patience(until: .now + limit).run { [self] in
        var count = 0
        while !isAtEnd, count <= maximumBytes {
          count += try await next()?.readableBytes ?? 0
        }
      }
    } catch {
      // Too slow, or gone: what comes next is no request, and `isAtEnd` says so.
    }
  }
}

/// Reads the body of a request.
enum RequestBytes {
  /// - Throws: 413 beyond the limit, 408 when it comes too slowly, 415 for another content type
  static func read(
    _ request: Request, _ body: IncomingBody, _ configuration: GatewayConfiguration
  ) async throws -> [UInt8] {
    if let type = request.headers[.contentType], !isJSON(type) {
      throw APIError.unsupportedMediaType("Send 'Content-Type: application/json'.")
    }
    let limit = configuration.limits.maximumBodyBytes
    if let length = body.declaredLength, length > limit { throw tooLarge(limit) }
    do {
      return try await Patience(until: .now + configuration.bodyTimeout).run {
        var bytes: [UInt8] = []
        while let buffer = try await body.next() {
          guard bytes.count + buffer.readableBytes <= limit else { throw tooLarge(limit) }
          bytes.append(contentsOf: buffer.readableBytesView)
        }
        return bytes
      }
    } catch is DeadlineExceeded {
      throw APIError.requestTimeout(
        "The body did not arrive within \(configuration.bodyTimeout.seconds) seconds.")
    }
  }

  private static func tooLarge(_ limit: Int) -> APIError {
    .tooLarge("The body has more than \(limit) bytes.")
  }

  private static func isJSON(_ type: String) -> Bool {
    type.prefix { $0 != ";" }.lowercased().filter { $0 != " " } == "application/json"
  }
}

extension Response {
  /// The same answer, after which the rest of a refused body is read and thrown away: who sends all
  /// of a body before reading would else wait for ever, or see a reset in the answer's place (RFC
  /// 9112, section 9.6). A body longer than the bounds ends the connection.
  func draining(
    _ body: IncomingBody, _ configuration: GatewayConfiguration, on channel: any Channel
  ) -> Response {
    guard !body.isAtEnd else { return self }
    var response = self
    let bytes = configuration.maximumDrainedBytes
    if let length = body.declaredLength, length > bytes { response.headers[.connection] = "close" }
    let answer = self.body
    response.body = ResponseBody(contentLength: answer.contentLength) { writer in
      try await answer.write(writer)
      await body.drain(upTo: bytes, within: configuration.drainTimeout)
      if !body.isAtEnd { channel.close(promise: nil) }
    }
    return response
  }
}
