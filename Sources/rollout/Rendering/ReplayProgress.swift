import Foundation
import OpenAIAPI

#if canImport(Glibc)
  import Glibc
#endif

/// How far a replay has come, shown while it runs: redrawn in place on a terminal, a line now and
/// then elsewhere.
struct ReplayProgress {
  /// One request that has ended.
  struct Played: Sendable {
    var model: String
    var usage: Usage?
    var seconds: Double
    /// `nil` when it was answered.
    var problem: String?
  }

  private(set) var failures = 0
  private let total: Int
  private var done = 0
  private var served: [String: Int] = [:]
  private var tokens = 0
  private let isTerminal = isatty(STDOUT_FILENO) == 1
  private let start = ContinuousClock.now

  init(total: Int) {
    self.total = total
  }

  /// Takes note of a request's end, and shows it.
  mutating func note(_ played: Played) {
    done += 1
    if let problem = played.problem {
      failures += 1
      Output.writeError("\(isTerminal ? "\n" : "")request failed: \(problem.escaped)\n")
    } else {
      served[played.model, default: 0] += 1
      tokens += played.usage?.totalTokens ?? 0
    }
    if isTerminal {
      Output.write("\r\(line)\u{1B}[K")
    } else if done.isMultiple(of: max(1, total / 6)) || done == total {
      Output.write(line + "\n")
    }
  }

  /// Ends the line on a terminal.
  func finish() {
    if isTerminal { Output.write("\n") }
  }

  private var line: String {
    let seconds = start.duration(to: .now).components.seconds
    let models = served.sorted { $0.key < $1.key }
      .map { "\($0.key.escaped) \($0.value)" }.joined(separator: ", ")
    return "\(done) of \(total) requests, \(tokens) tokens, \(seconds) s; answered by: \(models)"
  }
}
