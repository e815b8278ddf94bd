/// A refusal or failure in OpenAI's own shape, with the HTTP status that goes with it.
///
///     {"error":{"message":"…","type":"invalid_request_error","param":"n","code":"invalid_type"}}
///
/// The API reports one mistake at a time, and so do we: the first one in the order of the document.
package struct APIError: Error, Hashable, Sendable {
  /// The HTTP status, 400 to 599.
  package var status: Int
  /// What is wrong, where, and how to mend it. Never quotes what people wrote to the model.
  package var message: String
  /// The family, in OpenAI's words: `invalid_request_error`, `rate_limit_error` …
  package var type: String
  /// The field that is wrong, as a path: `messages[2].content[0].type`. `nil` if it is none.
  package var param: String?
  /// What programs switch on: `model_not_found`, `invalid_type`, `duplicate_key` …
  package var code: String?

  /// An error of any kind; the functions below make the usual ones.
  package init(
    status: Int, message: String, type: String, param: String? = nil, code: String? = nil
  ) {
    self.status = status
    self.message = message
    self.type = type
    self.param = param
    self.code = code
  }
}

// MARK: - The usual ones

extension APIError {
  /// 400: the request itself is wrong; sending it again will not help.
  package static func invalidRequest(
    _ message: String, param: String? = nil, code: String? = nil
  ) -> APIError {
    APIError(
      status: 400, message: message, type: "invalid_request_error", param: param, code: code)
  }

  /// 401: no key or token, or one that nobody knows.
  package static func unauthenticated(
    _ message: String, code: String = "invalid_api_key"
  ) -> APIError {
    APIError(status: 401, message: message, type: "invalid_request_error", code: code)
  }

  /// 403: a known key that may not do this.
  package static func forbidden(_ message: String) -> APIError {
    APIError(status: 403, message: message, type: "permission_error", code: "permission_denied")
  }

  /// 404: no model of that name answers here.
  package static func modelNotFound(_ model: String) -> APIError {
    APIError(
      status: 404, message: "The model '\(excerpt(model))' does not exist or is not served here.",
      type: "invalid_request_error", param: "model", code: "model_not_found")
  }

  /// 404: no such route or thing.
  package static func notFound(_ message: String) -> APIError {
    APIError(status: 404, message: message, type: "invalid_request_error", code: "not_found")
  }

  /// 405: the route exists, the method does not.
  package static func methodNotAllowed(_ message: String) -> APIError {
    APIError(
      status: 405, message: message, type: "invalid_request_error", code: "method_not_allowed")
  }

  /// 408: the request did not arrive in time.
  package static func requestTimeout(_ message: String) -> APIError {
    APIError(status: 408, message: message, type: "timeout_error", code: "request_timeout")
  }

  /// 409: what the request assumes is no longer so.
  package static func conflict(_ message: String, code: String = "conflict") -> APIError {
    APIError(status: 409, message: message, type: "conflict_error", code: code)
  }

  /// 410: it was there once, and is no more.
  package static func gone(_ message: String, code: String) -> APIError {
    APIError(status: 410, message: message, type: "invalid_request_error", code: code)
  }

  /// 413: the body is larger than is allowed.
  package static func tooLarge(_ message: String) -> APIError {
    APIError(
      status: 413, message: message, type: "invalid_request_error", code: "request_too_large")
  }

  /// 415: the body is not `application/json`.
  package static func unsupportedMediaType(_ message: String) -> APIError {
    APIError(
      status: 415, message: message, type: "invalid_request_error", code: "unsupported_media_type")
  }

  /// 422: understood, but contradicts what was sent before.
  package static func unprocessable(
    _ message: String, param: String? = nil, code: String = "unprocessable"
  ) -> APIError {
    APIError(
      status: 422, message: message, type: "invalid_request_error", param: param, code: code)
  }

  /// 429: too much at once; later it will work.
  package static func rateLimited(_ message: String) -> APIError {
    APIError(
      status: 429, message: message, type: "rate_limit_error", code: "rate_limit_exceeded")
  }

  /// 499: the client went away. Nobody reads this answer; outcomes and logs do.
  package static func clientClosedRequest() -> APIError {
    APIError(
      status: 499, message: "The client closed the connection.", type: "api_error",
      code: "client_closed_request")
  }

  /// 500: a mistake of ours.
  package static func internalFailure(_ message: String) -> APIError {
    APIError(status: 500, message: message, type: "server_error", code: "internal_error")
  }

  /// 502: the upstream answered with something that is no answer, or not at all.
  package static func badGateway(_ message: String, code: String = "bad_gateway") -> APIError {
    APIError(status: 502, message: message, type: "api_error", code: code)
  }

  /// 503: nobody can answer now; later it may work.
  package static func unavailable(_ message: String) -> APIError {
    APIError(status: 503, message: message, type: "server_error", code: "service_unavailable")
  }

  /// 503: the service stops before the answer is whole; another one, or a later one, can answer.
  package static func shuttingDown() -> APIError {
    APIError(
      status: 503, message: "The service is shutting down; ask again.", type: "server_error",
      code: "server_shutting_down")
  }

  /// 504: the deadline passed before the answer came.
  package static func deadlineExceeded(_ message: String) -> APIError {
    APIError(status: 504, message: message, type: "timeout_error", code: "deadline_exceeded")
  }
}

// MARK: - From parts of this module

extension APIError {
  /// A body that is no JSON that we accept: 400 with the place, or 413 if it is too large.
  package init(_ error: JSONError) {
    switch error.code {
    case .sizeExceeded:
      self = .tooLarge("The body is too large: \(error.reason).")
    default:
      self = .invalidRequest(
        "We could not parse the JSON body of your request (\(error)).", code: error.code.rawValue)
    }
  }

  /// A field of a request that is wrong: 400 naming it.
  init(request error: FieldError) {
    self = .invalidRequest(
      error.message, param: error.path.isEmpty ? nil : error.path, code: error.code.rawValue)
  }

  /// A field of an upstream's answer that is wrong: 502 naming it, code `malformed`.
  init(response error: FieldError) {
    self = .badGateway("The upstream's answer is malformed. \(error.message)", code: "malformed")
  }

  /// An upstream's answer that is no JSON: 502, code `malformed`.
  init(response error: JSONError) {
    self = .badGateway(
      "The upstream's answer is not JSON that we accept (\(error)).", code: "malformed")
  }
}
