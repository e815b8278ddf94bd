import HTTPTypes
import Hummingbird
import NIOCore
import OpenAIAPI
import Observability

extension Response {
  static func json(_ bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  static func text(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: "text/plain; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }

  static func metrics(_ bytes: [UInt8]) -> Response {
    Response(
      status: .ok, headers: [.contentType: PrometheusRegistry.contentType],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  /// An error in OpenAI's shape.
  static func refusal(_ error: APIError, requestID: String) -> Response {
    var response = json(
      error.encoded(), status: HTTPResponse.Status(code: error.status, reasonPhrase: ""))
    response.setHeader("x-rollout-request-id", requestID)
    response.setHeader("x-request-id", requestID)
    if error.status == 503 || error.status == 429 { response.headers[.retryAfter] = "1" }
    return response
  }

  /// Sets a header whose value came through a check; one that is no header name is left out.
  mutating func setHeader(_ name: String, _ value: String) {
    guard let name = HTTPField.Name(name) else { return }
    headers[name] = value
  }
}
