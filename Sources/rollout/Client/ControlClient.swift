import ArgumentParser
import AsyncHTTPClient
import Console
import Experimentation
import Foundation
import NIOCore
import NIOHTTP1
import Storage

/// The control plane, as a command sees it: each call is one request, bounded in time and size.
struct ControlClient {
  let server: String
  private let http: HTTPClient

  private static let timeout = TimeAmount.seconds(30)
  /// For a service to come back that was lost in the middle of a command.
  private static let patience = Duration.seconds(10)
  private static let maximumBytes = 32 << 20
  /// For all of an export, or of a copy.
  private static let exportTimeout = TimeAmount.hours(24)

  /// Runs `body` with a client of the service at `server`, such as `http://127.0.0.1:8081`.
  static func use<Value>(
    _ server: String, _ body: (ControlClient) async throws -> Value
  ) async throws -> Value {
    let server = try ServerAddress(server, default: "http://127.0.0.1:8081", of: "--server").text
    return try await HTTPClient.use { try await body(ControlClient(server: server, http: $0)) }
  }

  func status() async throws -> StatusResponse { try await get("status") }

  func policies() async throws -> PoliciesResponse { try await get("policies") }

  func rollout(_ name: RolloutName) async throws -> RolloutResponse {
    try await get("rollouts/\(name)")
  }

  func history(of name: RolloutName?) async throws -> HistoryResponse {
    try await get("history" + (name.map { "?rollout=\($0)" } ?? ""))
  }

  func audit() async throws -> AuditResponse { try await get("audit") }

  /// Hands the pieces of an export to `write`, as they come.
  func export(
    of name: RolloutName, query: [(String, String)], _ write: (ByteBuffer) throws -> Void
  ) async throws {
    let parameters = query.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    _ = try await download(
      HTTPClientRequest(url: url("rollouts/\(name)/export?\(parameters)")), write)
  }

  /// Hands the pieces of a copy of a file that the service keeps to `write`, as they come.
  ///
  /// - Returns: of a journal, its last entry in the copy
  func backup(
    _ part: StorePart, _ write: (ByteBuffer) throws -> Void
  ) async throws -> JournalHead? {
    var request = HTTPClientRequest(url: url("backup/\(part.rawValue)"))
    request.method = .POST
    let headers = try await download(request, write)
    return headers.first(name: Backup.headField).flatMap { Backup.head($0) }
  }

  /// Hands the pieces of a body to `write`, as they come.
  private func download(
    _ request: HTTPClientRequest, _ write: (ByteBuffer) throws -> Void
  ) async throws -> HTTPHeaders {
    do {
      let response = try await http.execute(request, timeout: Self.exportTimeout)
      guard response.status == .ok else {
        let body = try await response.body.collect(upTo: Self.maximumBytes)
        throw refusal(UInt(response.status.code), Data(body.readableBytesView))
      }
      for try await piece in response.body { try write(piece) }
      return response.headers
    } catch let error as CancellationError {
      throw error
    } catch let failure as CommandFailure {
      throw failure
    } catch let end as ExitCode {
      // Whoever takes the pieces wants no more of them.
      throw end
    } catch {
      throw CommandFailure(
        error, at: server,
        remedy: "start one with 'rollout serve', or name another with --server or ROLLOUT_SERVER")
    }
  }

  func apply(_ request: ApplyRequest) async throws -> ApplyResponse {
    try await post("apply", request)
  }

  func perform(
    _ action: RolloutAction, on name: RolloutName, _ request: CommandRequest
  ) async throws -> CommandResponse {
    try await post("rollouts/\(name)/\(action.rawValue)", request)
  }

  /// Judged pairs that wait for a person's word.
  func labels(
    of name: RolloutName, after: Int64, limit: Int
  ) async throws -> LabelsResponse {
    try await get("rollouts/\(name)/labels?after=\(after)&limit=\(limit)")
  }

  func label(_ request: LabelRequest, of name: RolloutName) async throws -> LabelResponse {
    try await post("rollouts/\(name)/labels", request)
  }

  private func get<Answer: Decodable>(_ path: String) async throws -> Answer {
    try await answer(to: HTTPClientRequest(url: url(path)))
  }

  /// Sends a command under a key of its own, again when its answer was lost: the service may have
  /// done what it was told before it died, and the key keeps it from doing so twice.
  private func post<Answer: Decodable>(
    _ path: String, _ body: some Encodable
  ) async throws -> Answer {
    var request = HTTPClientRequest(url: url(path))
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.headers.add(name: "idempotency-key", value: UUID().uuidString)
    request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
    return try await answer(to: request, again: Self.patience)
  }

  private func url(_ path: String) -> String { "\(server)/api/v1/\(path)" }

  private func answer<Answer: Decodable>(
    to request: HTTPClientRequest, again patience: Duration? = nil
  ) async throws -> Answer {
    let (status, bytes) = try await exchange(request, again: patience)
    let decoder = JSONDecoder()
    if status == 200, let answer = try? decoder.decode(Answer.self, from: bytes) { return answer }
    throw refusal(status, bytes)
  }

  private func refusal(_ status: UInt, _ bytes: Data) -> CommandFailure {
    if let refusal = try? JSONDecoder().decode(ErrorResponse.self, from: bytes) {
      return CommandFailure(refusal.error)
    }
    return CommandFailure(
      .failed,
      "what answers at \(server) does not speak this version's language (status \(status))",
      remedy: "name the control address of a rollout service of the same version with --server")
  }

  /// - Parameter patience: how long to try again once an answer was lost; `nil` not at all
  private func exchange(
    _ request: HTTPClientRequest, again patience: Duration?
  ) async throws -> (status: UInt, body: Data) {
    var end: ContinuousClock.Instant?
    while true {
      do {
        let response = try await http.execute(request, timeout: Self.timeout)
        let body = try await response.body.collect(upTo: Self.maximumBytes)
        return (response.status.code, Data(body.readableBytesView))
      } catch let error as CancellationError {
        throw error
      } catch {
        if end == nil, Self.isLostAnswer(error) { end = patience.map { .now + $0 } }
        guard let end, .now < end else {
          throw CommandFailure(
            error, at: server,
            remedy: "start one with 'rollout serve', or name another with --server or "
              + "ROLLOUT_SERVER")
        }
        try await Task.sleep(for: .milliseconds(250))
      }
    }
  }

  /// Whether somebody was there, took the request perhaps, and went before the answer was whole.
  private static func isLostAnswer(_ error: any Error) -> Bool {
    switch error {
    case let error as HTTPClientError: error == .remoteConnectionClosed
    case let error as IOError: error.errnoCode == ECONNRESET || error.errnoCode == EPIPE
    default: false
    }
  }
}
