import AsyncHTTPClient
import Experimentation
import NIOCore
import OpenAIAPI

/// What went wrong with an upstream: for the statistics, and for the client.
enum UpstreamFailure {
  /// Sorts an error of the connection.
  static func classify(_ error: any Error, model: ModelName) -> BackendError {
    if error is CancellationError { return cancelled }
    if error is TimeLimit.Passed { return deadlineExceeded(model) }
    guard let clientError = error as? HTTPClientError else { return unreachable(model) }
    switch clientError {
    case .cancelled, .requestStreamCancelled: return cancelled
    case .readTimeout, .deadlineExceeded, .connectTimeout, .getConnectionFromPoolTimeout:
      return deadlineExceeded(model)
    default: return unreachable(model)
    }
  }

  /// Sorts an answer that is no success.
  ///
  /// A client's mistake goes back to the client as the upstream told it. What the deployment got
  /// wrong (a key, a URL, a name of the model) is nothing that a client can mend: it is a bad
  /// gateway.
  static func refusal(status: Int, body: [UInt8], model: ModelName) -> BackendError {
    let error = APIError(status: status, body: body)
    switch status {
    case 400, 413, 415, 422:
      let isOfModel = status == 413 || error.code == "context_length_exceeded"
      return BackendError(isOfModel ? .rejected : .invalidRequest, error)
    case 408, 504: return deadlineExceeded(model)
    case 429, 503:
      return BackendError(.unavailable, .unavailable("'\(model)' is overloaded (\(status))."))
    case 300..<400:
      return BackendError(
        .malformed,
        .badGateway("'\(model)' redirects (\(status)), which is not followed.", code: "redirect"))
    default:
      return BackendError(
        .unavailable, .badGateway("'\(model)' answered with status \(status)."))
    }
  }

  private static var cancelled: BackendError {
    BackendError(.cancelled, .clientClosedRequest())
  }

  private static func deadlineExceeded(_ model: ModelName) -> BackendError {
    BackendError(
      .deadlineExceeded, .deadlineExceeded("'\(model)' did not answer in time."))
  }

  private static func unreachable(_ model: ModelName) -> BackendError {
    BackendError(
      .unavailable, .badGateway("'\(model)' cannot be reached.", code: "upstream_unreachable"))
  }
}
