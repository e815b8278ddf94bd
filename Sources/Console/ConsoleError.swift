import HTTPTypes
import Hummingbird
import Logging
import Promotion
import Storage

/// An answer that is not a success: a problem with the status that it has in HTTP.
struct ConsoleError: HTTPResponseError {
  var problem: ErrorResponse.Problem
  var status: HTTPResponse.Status { problem.code.status }

  init(_ problem: ErrorResponse.Problem) { self.problem = problem }

  init(_ code: ErrorResponse.Code, _ message: String, remedy: String? = nil) {
    self.init(ErrorResponse.Problem(code, message, remedy: remedy))
  }

  func response(from request: Request, context: some RequestContext) throws -> Response {
    try JSONBody.response(ErrorResponse(error: problem), status: status)
  }
}

extension ErrorResponse.Code {
  fileprivate var status: HTTPResponse.Status {
    switch self {
    case .malformed: .badRequest
    case .forbidden, .notTrusted, .wrongAudience: .forbidden
    case .notFound: .notFound
    case .timeout: .requestTimeout
    case .notAllowed, .gatesOpen, .evidenceStale, .staleIncumbent, .staleRevision,
      .rolloutUnderWay, .closed, .conflict:
      .conflict
    case .tooLarge: .contentTooLarge
    case .unsupportedMediaType: .unsupportedMediaType
    case .invalid, .keyReused, .policyRefused: .unprocessableContent
    case .internalError: .internalServerError
    case .unavailable: .serviceUnavailable
    }
  }
}

extension ErrorResponse.Problem {
  init(_ refusal: CommandRefusal) {
    let code: ErrorResponse.Code =
      switch refusal.code {
      case .notFound: .notFound
      case .notAllowed: .notAllowed
      case .gatesOpen: .gatesOpen
      case .evidenceStale: .evidenceStale
      case .staleIncumbent: .staleIncumbent
      case .staleRevision: .staleRevision
      case .rolloutUnderWay: .rolloutUnderWay
      case .invalid: .invalid
      case .closed: .closed
      case .conflict: .conflict
      case .unavailable: .unavailable
      }
    self.init(
      code, refusal.message, remedy: refusal.remedy, openGates: refusal.openGates.map(\.finite))
  }

  init(_ error: StorageError) {
    switch error.code {
    case .conflict: self.init(.conflict, error.message)
    case .unavailable, .inUse, .incompatible, .corrupt: self.init(.unavailable, error.message)
    }
  }
}

/// Gives every failure the one form that clients read, and keeps our own to the log.
struct ErrorForm: RouterMiddleware {
  func handle(
    _ request: Request, context: ConsoleContext,
    next: (Request, ConsoleContext) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      let answer: ConsoleError
      switch error {
      case is CancellationError: throw error
      case let error as ConsoleError: answer = error
      case let problem as ErrorResponse.Problem: answer = ConsoleError(problem)
      case let error as any HTTPResponseError:
        answer = ConsoleError(status: error.status, request.uri.path)
      default:
        context.logger.error("console request failed", metadata: ["error": "\(error)"])
        answer = ConsoleError(.internalError, "the service failed; its log says why")
      }
      return try answer.response(from: request, context: context)
    }
  }
}

extension ConsoleError {
  /// What the router itself refuses.
  fileprivate init(status: HTTPResponse.Status, _ path: String) {
    switch status {
    case .notFound:
      self.init(.notFound, "there is nothing at '\(PlainText.escaping(String(path.prefix(200))))'")
    case .contentTooLarge:
      self.init(.tooLarge, "the body has more than \(JSONBody.maximumBytes) bytes")
    default:
      self.init(.malformed, "the request cannot be read (\(status.code))")
    }
  }
}
