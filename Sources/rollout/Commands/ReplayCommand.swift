import ArgumentParser
import Foundation
import OpenAIAPI

/// `rollout replay`: recorded requests, played as live ones.
struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Play recorded chat requests against the inference endpoint, as clients would.",
    discussion: """
      Each line of the file is one body of POST /v1/chat/completions. Requests are streamed, one \
      after the other unless --concurrency says otherwise. Exits 1 when any of them failed.

      EXAMPLE:
        rollout replay fixtures/traffic/requests.jsonl --concurrency 2
      """)

  @Argument(help: ArgumentHelp("JSON Lines; '-' reads standard input.", valueName: "file"))
  var file: String

  @Option(help: "Requests under way at once.")
  var concurrency = 1

  @Option(
    help: ArgumentHelp(
      "The address of the inference endpoint; else ROLLOUT_ENDPOINT, else "
        + "http://127.0.0.1:8080/v1.", valueName: "url"))
  var endpoint: String?

  @Option(help: ArgumentHelp("Play at most this many of the lines.", valueName: "count"))
  var limit: Int?

  /// Of the file.
  private static let maximumBytes = 64 << 20

  func validate() throws {
    guard (1...64).contains(concurrency) else {
      throw ValidationError("--concurrency is \(concurrency), not in 1...64.")
    }
    if let limit, limit < 1 { throw ValidationError("--limit is at least 1.") }
  }

  func run() async throws {
    let requests = try requests()
    let environment = ProcessInfo.processInfo.environment
    let address = endpoint ?? environment["ROLLOUT_ENDPOINT"] ?? ""
    let key = environment["ROLLOUT_API_KEY"]
    var progress = ReplayProgress(total: requests.count)
    try await withThrowingTaskGroup(of: ReplayProgress.Played.self) { group in
      var waiting = requests[...]
      for _ in 0..<concurrency {
        guard let request = waiting.popFirst() else { break }
        group.addTask { try await Self.play(request, at: address, key: key) }
      }
      while let played = try await group.next() {
        progress.note(played)
        guard let request = waiting.popFirst() else { continue }
        group.addTask { try await Self.play(request, at: address, key: key) }
      }
    }
    progress.finish()
    if progress.failures > 0 {
      throw CommandFailure(
        .refused, "\(progress.failures) of \(requests.count) requests failed")
    }
  }

  private static func play(
    _ request: ChatCompletionRequest, at address: String, key: String?
  ) async throws -> ReplayProgress.Played {
    let start = ContinuousClock.now
    do {
      let answer = try await ChatClient.use(address, key: key) { client in
        try await client.stream(request) { _ in }
      }
      let duration = start.duration(to: .now)
      return ReplayProgress.Played(
        model: answer.servedBy ?? answer.model ?? "unknown", usage: answer.usage,
        seconds: Double(duration.components.seconds)
          + Double(duration.components.attoseconds) * 1e-18, problem: nil)
    } catch let failure as CommandFailure where failure.status != .unreachable {
      return ReplayProgress.Played(
        model: "", usage: nil, seconds: 0, problem: failure.message)
    }
  }

  private func requests() throws -> [ChatCompletionRequest] {
    let text = try contents()
    var requests: [ChatCompletionRequest] = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    where !line.allSatisfy(\.isWhitespace) {
      do {
        var request = try ChatCompletionRequest(decoding: Array(line.utf8))
        request.streaming = Streaming(isOn: true, includesUsage: true)
        requests.append(request)
      } catch {
        throw CommandFailure(.usage, "\(file):\(number + 1): \(error.message)")
      }
      if requests.count == limit { break }
    }
    guard !requests.isEmpty else { throw CommandFailure(.usage, "\(file) has no requests") }
    return requests
  }

  private func contents() throws -> String {
    let handle: FileHandle?
    if file == "-" {
      handle = .standardInput
    } else {
      handle = FileHandle(forReadingAtPath: file)
    }
    guard let handle else { throw CommandFailure(.usage, "cannot read \(file)") }
    let data = try handle.read(upToCount: Self.maximumBytes + 1) ?? Data()
    guard data.count <= Self.maximumBytes, let text = String(bytes: data, encoding: .utf8) else {
      throw CommandFailure(
        .usage, "\(file) is not UTF-8 of at most \(Self.maximumBytes) bytes")
    }
    return text
  }
}
