import ArgumentParser
import Foundation
import OpenAIAPI

/// `rollout ask`: one question to the data plane, as a client would ask it.
struct AskCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ask",
    abstract: "Ask a model one question, as a client would, and stream the answer.",
    discussion: """
      Sends one chat request to the data plane. ROLLOUT_API_KEY, when set, goes along as the key.

      EXAMPLE:
        rollout ask "Why is the sky blue?" --model assistant --verbose
        git diff | rollout ask - --system "Review this change."
      """)

  @Argument(help: "The question; '-' reads it from standard input.")
  var question: String

  @Option(help: ArgumentHelp("The route, or a model by its own name.", valueName: "name"))
  var model = "assistant"

  @Option(help: ArgumentHelp("Who asks: the same user gets the same model.", valueName: "id"))
  var user: String?

  @Option(help: ArgumentHelp("The longest answer, in tokens.", valueName: "count"))
  var maxTokens: Int?

  @Option(
    help: ArgumentHelp("0 takes the likeliest words; 1 is the API's default.", valueName: "0…2"))
  var temperature: Double?

  @Option(help: ArgumentHelp("What the model is told before the question.", valueName: "text"))
  var system: String?

  @Flag(name: .shortAndLong, help: "Say on standard error which model answered and how fast.")
  var verbose = false

  @Option(
    help: ArgumentHelp(
      "The address of the data plane; else ROLLOUT_ENDPOINT, else http://127.0.0.1:8080/v1.",
      valueName: "url"))
  var endpoint: String?

  /// Of a question on standard input.
  private static let maximumBytes = 1 << 20

  func validate() throws {
    if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens is at least 1.") }
    if let temperature, !(0...2).contains(temperature) {
      throw ValidationError("--temperature is in 0...2.")
    }
  }

  func run() async throws {
    var request = ChatCompletionRequest(model: model, messages: try messages())
    request.streaming = Streaming(isOn: true, includesUsage: true)
    request.maxTokens = maxTokens
    request.sampling.temperature = temperature
    request.user = user
    let environment = ProcessInfo.processInfo.environment
    let address = endpoint ?? environment["ROLLOUT_ENDPOINT"] ?? ""
    let clock = ContinuousClock()
    let start = clock.now
    var hasText = false
    let answer: ChatClient.Answer
    do {
      answer = try await ChatClient.use(address, key: environment["ROLLOUT_API_KEY"]) { client in
        try await client.stream(request) { text in
          Output.write(text.escapedLines)
          hasText = true
        }
      }
    } catch {
      // What went wrong begins a line of its own.
      if hasText { Output.write("\n") }
      throw error
    }
    Output.write("\n")
    if verbose { Output.writeError(summary(of: answer, took: start.duration(to: clock.now))) }
  }

  private func messages() throws -> [ChatMessage] {
    let question = self.question == "-" ? try Self.standardInput() : self.question
    guard !question.allSatisfy(\.isWhitespace) else {
      throw CommandFailure(.usage, "the question is empty")
    }
    return (system.map { [ChatMessage(.system, $0)] } ?? []) + [ChatMessage(.user, question)]
  }

  private static func standardInput() throws -> String {
    let data = try FileHandle.standardInput.read(upToCount: maximumBytes + 1) ?? Data()
    guard data.count <= maximumBytes else {
      throw CommandFailure(.usage, "the question has more than \(maximumBytes) bytes")
    }
    guard let text = String(bytes: data, encoding: .utf8) else {
      throw CommandFailure(.usage, "the question on standard input is not UTF-8")
    }
    return text
  }

  private func summary(of answer: ChatClient.Answer, took time: Duration) -> String {
    let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
    var parts = ["model \((answer.servedBy ?? answer.model ?? "unknown").escaped)"]
    if let usage = answer.usage {
      parts.append("\(usage.promptTokens) + \(usage.completionTokens) tokens")
    }
    if let reason = answer.finishReason { parts.append("ended by \(reason.escaped)") }
    parts.append(Numbers.seconds(seconds))
    if let requestID = answer.requestID { parts.append("request \(requestID.escaped)") }
    return Style.standardError.paint(parts.joined(separator: ", "), .faint) + "\n"
  }
}
