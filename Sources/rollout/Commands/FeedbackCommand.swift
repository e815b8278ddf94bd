import ArgumentParser
import Foundation
import OpenAIAPI

/// `rollout feedback`: says what a user thinks of an answer, as a client would.
struct FeedbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "feedback",
    abstract: "Say what a user thinks of an answer.",
    discussion: """
      Sends one value to the data plane, for the answer to a request or for the one that a token \
      (the header x-rollout-feedback-token) was given with. The same value again changes nothing, \
      another one takes its place. ROLLOUT_API_KEY, when set, goes along as the key; a token needs \
      none.

      EXAMPLE:
        rollout feedback req-0f3a9c2e5b7d1846 --up
        rollout feedback req-0f3a9c2e5b7d1846 --value 0.8 --choice 1
        rollout feedback --token "$TOKEN" --down
      """)

  @Argument(help: ArgumentHelp("The request, as x-request-id names it.", valueName: "request"))
  var request: String?

  @Option(help: ArgumentHelp("The answer's token, in place of its request.", valueName: "text"))
  var token: String?

  @Flag(help: "A thumb up: 1.")
  var up = false

  @Flag(help: "A thumb down: 0.")
  var down = false

  @Option(help: ArgumentHelp("How good it is.", valueName: "0…1"))
  var value: Double?

  @Option(
    help: ArgumentHelp(
      "Which of several choices, from 0; needed where several models gave them.",
      valueName: "index"))
  var choice: Int?

  @Option(
    help: ArgumentHelp(
      "What is rated; gates read 'feedback', the others are for export.", valueName: "name"))
  var metric: String?

  @Option(
    help: ArgumentHelp("In words; refused where the service keeps none.", valueName: "text"))
  var text: String?

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "The address of the data plane; else ROLLOUT_ENDPOINT, else http://127.0.0.1:8080/v1.",
      valueName: "url"))
  var endpoint: String?

  func validate() throws {
    guard (request == nil) != (token == nil) else {
      throw ValidationError("Name the answer by its request or by --token.")
    }
    guard [up, down, value != nil].count(where: { $0 }) == 1 else {
      throw ValidationError("Say one of --up, --down and --value.")
    }
    if let value, !(0...1).contains(value) { throw ValidationError("--value is in 0...1.") }
    guard choice ?? 0 >= 0 else { throw ValidationError("--choice is at least 0.") }
  }

  func run() async throws {
    var said = FeedbackRequest(requestID: request, token: token, value: value ?? (up ? 1 : 0))
    said.choice = choice
    said.metric = metric
    said.text = text
    let environment = ProcessInfo.processInfo.environment
    let address = endpoint ?? environment["ROLLOUT_ENDPOINT"] ?? ""
    let body = try await ChatClient.use(address, key: environment["ROLLOUT_API_KEY"]) {
      try await $0.send(said)
    }
    if json {
      Output.write(String(decoding: body, as: UTF8.self) + "\n")
      return
    }
    let answer: FeedbackResponse
    do { answer = try FeedbackResponse(decoding: body) } catch {
      throw CommandFailure(.failed, error.message)
    }
    Output.write(Self.sentence(answer) + "\n")
  }

  private static func sentence(_ answer: FeedbackResponse) -> String {
    var place = answer.model.map { ["model \($0.escaped)"] } ?? ["choice \(answer.choice)"]
    if let rollout = answer.rollout, let run = answer.run, let step = answer.step {
      place.append("rollout \(rollout.escaped), run \(run), step \(step + 1)")
    }
    let remark =
      switch answer.status {
      case .late: " (after its time: no evidence)"
      case .unassigned: " (no rollout: counted only)"
      case .recorded, .replaced, .unchanged: answer.isEvidence ? "" : " (no evidence)"
      }
    return "\(answer.status.rawValue): \(answer.metric.escaped) \(answer.value) on "
      + "\(answer.requestID.escaped) of \(place.joined(separator: ", "))\(remark)"
  }
}
