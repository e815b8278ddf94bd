import AsyncHTTPClient
import Console
import Experimentation
import Foundation
import NIOCore
import NIOHTTP1

/// The control plane, as a command sees it: each call is one request, bounded in time and size.
struct ControlClient {
  let server: String
  private let http: HTTPClient

  private static let timeout = TimeAmount.seconds(30)
  private static let maximumBytes = 32 << 20
  /// For all of an export.
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
    let request = HTTPClientRequest(url: url("rollouts/\(name)/export?\(parameters)"))
    do {
      let response = try await http.execute(request, timeout: Self.exportTimeout)
      guard response.status == .ok else {
        let body = try await response.body.collect(upTo: Self.maximumBytes)
        throw refusal(UInt(response.status.code), Data(body.readableBytesView))
      }
      for try await piece in response.body { try write(piece) }
    } catch let error as CancellationError {
      throw error
    } catch let failure as CommandFailure {
      throw failure
    } catch {
      throw CommandFailure(
        error, at: server,
        remedy: "start one with 'rollout serve', name another with --server, or read a folder with "
          + "--data")
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

  private func get<Answer: Decodable>(_ path: String) async throws -> Answer {
    try await answer(to: HTTPClientRequest(url: url(path)))
  }

  private func post<Answer: Decodable>(
    _ path: String, _ body: some Encodable
  ) async throws -> Answer {
    var request = HTTPClientRequest(url: url(path))
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
    return try await answer(to: request)
  }

  private func url(_ path: String) -> String { "\(server)/api/v1/\(path)" }

  private func answer<Answer: Decodable>(to request: HTTPClientRequest) async throws -> Answer {
    let (status, bytes) = try await exchange(request)
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

  private func exchange(_ request: HTTPClientRequest) async throws -> (status: UInt, body: Data) {
    do {
      let response = try await http.execute(request, timeout: Self.timeout)
      let body = try await response.body.collect(upTo: Self.maximumBytes)
      return (response.status.code, Data(body.readableBytesView))
    } catch let error as CancellationError {
      throw error
    } catch {
      throw CommandFailure(
        error, at: server,
        remedy: "start one with 'rollout serve', or name another with --server or ROLLOUT_SERVER")
    }
  }
}
