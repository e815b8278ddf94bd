import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// Bodies of requests and answers: JSON, bounded in size and in time.
enum JSONBody {
  /// Of a request.
  static let maximumBytes = 2 << 20
  /// For all of a request's body to arrive, however slowly it drips.
  static let deadline = Duration.seconds(10)

  static func response(
    _ value: some Encodable, status: HTTPResponse.Status = .ok
  ) throws -> Response {
    response(try encode(value), status: status)
  }

  static func encode(_ value: some Encodable) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(value)
  }

  static func response(_ bytes: Data, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status,
      headers: [
        .contentType: "application/json; charset=utf-8", .contentLength: "\(bytes.count)",
        .cacheControl: "no-store", .xContentTypeOptions: "nosniff",
      ],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// The bytes of a request's body, which says that it is JSON.
  static func read(_ request: Request) async throws -> Data {
    let mediaType = request.headers[.contentType]?.prefix { $0 != ";" }.lowercased()
    guard mediaType?.filter({ $0 != " " }) == "application/json" else {
      throw ConsoleError(
        .unsupportedMediaType, "the body is not declared as JSON",
        remedy: "send the header 'content-type: application/json'")
    }
    return Data((try await collect(request)).readableBytesView)
  }

  static func decode<Value: Decodable>(_ type: Value.Type, from bytes: Data) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: bytes)
    } catch let error as DecodingError {
      throw ConsoleError(error)
    }
  }

  private static func collect(_ request: Request) async throws -> ByteBuffer {
    try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
      defer { group.cancelAll() }
      group.addTask { try await request.body.collect(upTo: maximumBytes) }
      group.addTask {
        try await Task.sleep(for: deadline)
        return nil
      }
      do {
        guard let body = try await group.next() ?? nil else {
          throw ConsoleError(.timeout, "the body took longer than \(deadline)")
        }
        return body
      } catch is NIOTooManyBytesError {
        throw ConsoleError(
          .tooLarge, "the body has more than \(maximumBytes) bytes", remedy: "send less at once")
      }
    }
  }
}

extension ConsoleError {
  /// What is wrong with a body, and where in it.
  fileprivate init(_ error: DecodingError) {
    switch error {
    case .keyNotFound(let key, let context):
      self.init(.invalid, "'\((context.codingPath + [key]).text)' is missing")
    case .valueNotFound(_, let context):
      self.init(.invalid, "'\(context.codingPath.text)' is null")
    case .typeMismatch(let type, let context):
      self.init(.invalid, "'\(context.codingPath.text)' is no \(type)")
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      self.init(.invalid, "\(context.codingPath.text): \(context.debugDescription)")
    case .dataCorrupted:
      self.init(.malformed, "the body is not JSON")
    @unknown default:
      self.init(.malformed, "the body cannot be read")
    }
  }
}

extension [any CodingKey] {
  /// As people point into JSON: `files[2].text`; the whole is `body`.
  fileprivate var text: String {
    if isEmpty { return "body" }
    return enumerated().map { index, key in
      if let place = key.intValue { return "[\(place)]" }
      let name = PlainText.escaping(String(key.stringValue.prefix(40)))
      return index == 0 ? name : ".\(name)"
    }
    .joined()
  }
}
