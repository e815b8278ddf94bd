import Foundation
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// `rollout serve` as a process of its own, on ports that the system chose.
final class RunningService: @unchecked Sendable {
  // @unchecked: `Process` is not marked; each test drives its own service from one task.
  private let process: Process
  private let log: URL
  let endpoint: String
  let control: String

  /// Starts the service and waits until it answers.
  ///
  /// - Parameter shell: a script that starts it, which is its arguments: `exec "$@"` does that
  init(
    data: URL, policies: URL?, models: URL, log folder: TemporaryFolder, extra: [String] = [],
    environment: [String: String] = [:], shell: String? = nil
  ) async throws {
    let output = try folder.file("addresses-\(UUID().uuidString)")
    log = try folder.file("log-\(UUID().uuidString)")
    process = Process()
    let program = try Program.executable()
    let arguments =
      ["serve", "--data", data.path, "--models", models.path, "--port", "0", "--control-port", "0"]
      + (policies.map { ["--policies", $0.path] } ?? []) + extra
    process.executableURL = shell == nil ? program : URL(fileURLWithPath: "/bin/sh")
    process.arguments = shell.map { ["-c", $0, "sh", program.path] + arguments } ?? arguments
    process.currentDirectoryURL = Program.root
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    try process.run(writingTo: output, log)
    let deadline = ContinuousClock.now + .seconds(60)
    var line = ""
    while !line.hasSuffix("\n") {
      try await Task.sleep(for: .milliseconds(50))
      line = try String(contentsOf: output, encoding: .utf8)
      guard process.isRunning, ContinuousClock.now < deadline else {
        process.terminate()
        let text = try String(contentsOf: log, encoding: .utf8)
        throw Failure(description: "the service did not start:\n\(text)")
      }
    }
    let words = line.split(whereSeparator: { " ,\n".contains($0) }).map(String.init)
    endpoint = try #require(words.first { $0.hasSuffix("/v1") })
    control = try #require(words.last)
  }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  deinit { kill() }

  /// Runs a client command against this service.
  func rollout(_ arguments: String...) async throws -> Program.Result {
    try await Program.run(
      arguments, environment: ["ROLLOUT_SERVER": control, "ROLLOUT_ENDPOINT": endpoint])
  }

  /// What `rollout status NAME --json` says.
  func status(_ name: String) async throws -> [String: Any] {
    let result = try await rollout("status", name, "--json")
    let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    return try #require(object as? [String: Any], "\(result.output)\(result.errors)")
  }

  /// Waits until the status says what is wanted.
  func wait(
    for name: String, seconds: Double = 60, _ isReached: ([String: Any]) -> Bool
  ) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
      let status = try await status(name)
      if isReached(status) { return }
      guard ContinuousClock.now < deadline else {
        throw Failure(description: "not reached in \(seconds) s: \(status)")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  var processIdentifier: Int32 { process.processIdentifier }

  /// What its metrics say, added up over labels.
  func metric(_ name: String) async throws -> Double {
    let address = endpoint.replacingOccurrences(of: "/v1", with: "/metrics")
    let (body, _) = try await URLSession.shared.data(from: try #require(URL(string: address)))
    return String(decoding: body, as: UTF8.self).split(separator: "\n")
      .filter { $0.hasPrefix(name) && !$0.hasPrefix("#") }
      .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
      .reduce(0, +)
  }

  /// Power off: no word of warning.
  func kill() {
    guard process.isRunning else { return }
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Stops it as an operator would; returns how it ended.
  func stop() async throws -> Int32 {
    process.terminate()
    let deadline = ContinuousClock.now + .seconds(45)
    while process.isRunning, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(50))
    }
    try #require(!process.isRunning, "the service did not stop")
    return process.terminationStatus
  }

  /// What it logged.
  var logText: String {
    get throws { try String(contentsOf: log, encoding: .utf8) }
  }
}
