import Console
import Experimentation
import Foundation
import Hummingbird
import Logging
import NIOCore
import PolicyLanguage
import Promotion
import Routing
import SQLiteStorage
import Storage
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// A console that listens, with a controller and a store behind it as in production.
struct LiveConsole: Sendable {
  let server: String
  let database: SQLiteDatabase
  let controller: Controller
  let table: LiveRoutingTable

  /// What the console's clock says throughout a test.
  static let now: Int64 = 1_800_000_000_000

  /// Starts a console in a folder of its own and stops it when `body` returns.
  static func use(
    trust: PolicyTrust = PolicyTrust(),
    _ body: @escaping @Sendable (LiveConsole) async throws -> Void
  ) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(
      path: "rollout-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let database = try SQLiteDatabase(folder: folder.path(percentEncoded: false), logger: logger)
    try await use(database, trust, body)
  }

  /// Starts another console over the store of `console`, which knows that and no more: what comes
  /// after a restart.
  static func use(
    over console: LiveConsole, _ body: @escaping @Sendable (LiveConsole) async throws -> Void
  ) async throws {
    try await use(console.database, PolicyTrust(), body)
  }

  private static func use(
    _ database: SQLiteDatabase, _ trust: PolicyTrust,
    _ body: @escaping @Sendable (LiveConsole) async throws -> Void
  ) async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let table = LiveRoutingTable()
    let controller = Controller(
      journal: database.journal, outcomes: database.outcomes, labels: database.outcomes,
      table: table, prepare: { _ in {} },
      wallClock: { now }, clock: ContinuousClock(), logger: logger)
    try await controller.resume()

    let (ports, port) = AsyncStream<Int>.makeStream()
    let app = Application(
      router: Console(
        controller: controller, trust: trust, now: { now },
        copy: { part throws(StorageError) in try await database.copy(part) }
      ).router(),
      configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { port.yield($0.localAddress?.port ?? 0) }, logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try? await app.run() }
      group.addTask {
        let port = await ports.first { _ in true }
        try await body(
          LiveConsole(
            server: "http://127.0.0.1:\(try #require(port))", database: database,
            controller: controller, table: table))
      }
      // The console runs until the body is done, or has failed.
      try await group.next()
      group.cancelAll()
    }
  }

  /// An answer as it came.
  struct Answer {
    var status: Int
    var body: Data

    func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
      try JSONDecoder().decode(type, from: body)
    }

    func problem() throws -> ErrorResponse.Problem { try decode(ErrorResponse.self).error }
  }

  func get(_ path: String) async throws -> Answer {
    try await send(URLRequest(url: try url(path)))
  }

  func post(
    _ path: String, _ body: String,
    headers: [(String, String)] = [("content-type", "application/json")]
  ) async throws -> Answer {
    var request = URLRequest(url: try url(path))
    request.httpMethod = "POST"
    for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
    request.httpBody = Data(body.utf8)
    return try await send(request)
  }

  func apply(
    _ files: String..., dryRun: Bool = false, query: String = ""
  ) async throws -> Answer {
    let request = ApplyRequest(
      files: files.enumerated().map { .init(file: "\($0.offset).yaml", text: $0.element) },
      actor: "alice", reason: "a test", dryRun: dryRun)
    return try await post(
      "/api/v1/apply\(query)", String(decoding: try JSONEncoder().encode(request), as: UTF8.self))
  }

  func command(
    _ action: String, _ body: String = #"{"actor":"alice"}"#, on name: String = "assistant"
  ) async throws -> Answer {
    try await post("/api/v1/rollouts/\(name)/\(action)", body)
  }

  private func url(_ path: String) throws -> URL { try #require(URL(string: server + path)) }

  private func send(_ request: URLRequest) async throws -> Answer {
    let (body, response) = try await URLSession.shared.data(for: request)
    let status = try #require(response as? HTTPURLResponse).statusCode
    return Answer(status: status, body: body)
  }
}

/// Policy files.
enum Policy {
  static let dense = model("dense", "dense")
  static let flash = model("flash", "flash")
  static let rollout = rollout(steps: "[{ shadow: { percent: 50 }, hold: { minSamples: 20 } }]")

  static func model(_ name: String, _ attention: String) -> String {
    """
    apiVersion: rollout/v1
    kind: Model
    name: \(name)
    engine: { weights: tiny.gguf, attention: { kind: \(attention) } }
    """
  }

  static func rollout(
    _ name: String = "assistant", incumbent: String = "dense", candidate: String = "flash",
    steps: String
  ) -> String {
    """
    apiVersion: rollout/v1
    kind: Rollout
    name: \(name)
    route: chat
    incumbent: \(incumbent)
    candidates: [\(candidate)]
    assignment: { unit: user, salt: \(name)-1 }
    steps: \(steps)
    metrics:
      - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 5pp, onFail: rollBack }
    """
  }
}
