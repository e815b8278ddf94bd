import Experimentation
import Foundation
import Logging
import Routing
import SQLiteStorage
import Storage
import Synchronization
import TestPeers
import Testing

@testable import Gateway

/// What users say of answers, from the socket to the store.
@Suite(.serialized) struct FeedbackTests {
  static let key = [UInt8](repeating: 7, count: FeedbackTokens.keyBytes)

  /// A world with the rollout `trial` at 50 %, whose answers carry tokens.
  private func run(
    _ routes: [RouteTable]? = nil,
    options configure: @escaping @Sendable (inout World.Options) -> Void = { _ in },
    _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    let tokens = FeedbackTokens(key: Self.key)
    try await ScriptedServer.run {
      ScriptedAnswer.chat(to: $0, ["a"])
    } _: { server in
      try await World.run(
        ["dense": server.port, "flash": server.port], routes ?? [.trial(canary: 0.5)],
        options: {
          $0.gateway.feedback.tokens = tokens
          configure(&$0)
        }, body)
    }
  }

  // MARK: Joining

  @Test func `an answer's token says all that is needed to rate it`() async throws {
    try await run { world in
      let answer = try await world.chat("Hi", #","user":"ada""#, headers: ["X-Request-Id: mine"])
      let token = try #require(answer["x-rollout-feedback-token"])
      // Nothing of it is a secret to its holder, and nothing is remembered of it.
      #expect(token.utf8.allSatisfy { (0x21...0x7E).contains($0) })
      let reply = try await world.rate(#""token":"\#(token)","thumbs":"up""#)
      #expect(reply.status == 202)
      let outcome = try #require(try await world.outcomes(1).first)
      let feedback = try #require(try await world.feedback().first)
      #expect(feedback.requestID == "mine")
      #expect(feedback.assignment == outcome.assignment)
      #expect(feedback.model == outcome.model)
      #expect(feedback.value == 1 && feedback.isEvidence)
      #expect(feedback.receivedAtMilliseconds == world.clock.milliseconds)
      #expect(
        reply.body
          == #"{"object":"feedback","status":"recorded","request_id":"mine","choice":0,"#
          + #""metric":"feedback","value":1.0,"evidence":true,"model":"\#(outcome.model)","#
          + #""route":"assistant","rollout":"trial","run":1,"step":1}"#)
      #expect(
        world.counter(
          "rollout_feedback_total", ["model": outcome.model.text, "status": "recorded"]) == 1)
    }
  }

  @Test func `streams and failures carry a token too`() async throws {
    try await run { world in
      let stream = try await world.chat(stream: true)
      #expect(stream["x-rollout-feedback-token"] != nil)
      // Whoever asks for a model by its name is in no experiment.
      let named = try await world.chat(model: "flash")
      #expect(named["x-rollout-feedback-token"] == nil)
    }
  }

  @Test func `a recent request is found by its name, with a key where keys are asked for`()
    async throws
  {
    try await run(options: { $0.gateway.apiKeys = ["secret"] }) { world in
      let bearer = "Authorization: Bearer secret"
      let answer = try await world.chat(headers: [bearer, "X-Request-Id: mine"])
      let said = #""request_id":"mine","value":0.25"#
      #expect(try await world.rate(said).status == 401)
      #expect(try await world.rate(said, headers: [bearer]).status == 202)
      #expect(try await world.feedback().map(\.value) == [0.25])
      // A token needs none: a browser has no key.
      let token = try #require(answer["x-rollout-feedback-token"])
      let same = try await world.rate(#""token":"\#(token)","value":0.25"#)
      #expect(same.status == 200)
      #expect(same.body.contains(#""status":"unchanged""#))
      let unknown = try await world.rate(#""request_id":"no","value":1"#, headers: [bearer])
      #expect(unknown.status == 404)
      #expect(unknown.body.contains(#""code":"request_not_found""#))
      let two = try await world.rate(#""token":"\#(token)","request_id":"other","value":1"#)
      #expect(two.status == 400)
    }
  }

  @Test func `an answer outside of any rollout is counted and kept nowhere`() async throws {
    let alone = RouteTable(route: try routeName("assistant"), incumbent: try modelName("dense"))
    try await run([alone]) { world in
      let answer = try await world.chat()
      let token = try #require(answer["x-rollout-feedback-token"])
      let reply = try await world.rate(#""token":"\#(token)","thumbs":"down""#)
      #expect(reply.status == 202)
      #expect(reply.body.contains(#""status":"unassigned""#))
      #expect(reply.body.contains(#""evidence":false"#))
      #expect(try await world.feedback().isEmpty)
      #expect(world.counter("rollout_feedback_total", ["status": "unassigned"]) == 1)
    }
  }

  // MARK: Once

  @Test func `a value that is sent again counts once, and another takes its place`() async throws {
    try await run { world in
      let token = try await world.token()
      func rate(_ said: String) async throws -> String {
        let reply = try await world.rate(#""token":"\#(token)",\#(said)"#)
        return try #require(reply.became)
      }
      #expect(try await rate(#""thumbs":"up""#) == "202 recorded")
      #expect(try await rate(#""value":1"#) == "200 unchanged")
      #expect(try await rate(#""thumbs":"down""#) == "202 replaced")
      #expect(try await world.feedback().map(\.value) == [0])
      // Other choices and other names are other things to rate.
      #expect(try await rate(#""value":1,"choice":1"#) == "202 recorded")
      #expect(try await rate(#""value":0.5,"metric":"tone""#) == "202 recorded")
      #expect(try await world.feedback().count == 3)
    }
  }

  @Test func `what comes after its hour is kept, counted as late, and no evidence`() async throws {
    try await run { world in
      let (prompt, slow) = (try await world.token(), try await world.token())
      world.clock.advance(bySeconds: 3_600)
      _ = try await world.rate(#""token":"\#(prompt)","value":0.75"#)
      world.clock.advance(bySeconds: 1)
      let late = try await world.rate(#""token":"\#(slow)","value":1"#)
      #expect(late.became == "202 late")
      #expect(late.body.contains(#""evidence":false"#))
      // Too late to change one's mind: what was said in time stands.
      let change = try await world.rate(#""token":"\#(prompt)","value":0"#)
      #expect(change.became == "202 late")
      let kept = try await world.feedback()
      #expect(kept.map(\.value) == [0.75, 1])
      #expect(kept.map(\.isEvidence) == [true, false])
      #expect(world.counter("rollout_feedback_total", ["status": "late"]) == 2)
    }
  }

  @Test func `after a restart a token still works, and the same value is known`() async throws {
    let folder = try TemporaryFolder()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let kept = Collected()
    let database = try SQLiteDatabase(folder: folder.path, logger: logger)
    try await run(options: { $0.store = database.outcomes }) { world in
      let token = try await world.token()
      kept.add(token)
      #expect(try await world.rate(#""token":"\#(token)","thumbs":"up""#).status == 202)
    }
    try database.close()
    let token = try #require(kept.all.first)
    let again = try SQLiteDatabase(folder: folder.path, logger: logger)
    try await run(options: { $0.store = again.outcomes }) { world in
      let same = try await world.rate(#""token":"\#(token)","thumbs":"up""#)
      #expect(same.became == "200 unchanged")
      let other = try await world.rate(#""token":"\#(token)","thumbs":"down""#)
      #expect(other.became == "202 replaced")
      #expect(try await world.feedback().map(\.value) == [0])
      // Names of requests go with the process.
      #expect(try await world.rate(#""request_id":"made-1","value":1"#).status == 404)
    }
    try again.close()
  }

  @Test func `sixty-four senders at once are all written, and one answer's once`() async throws {
    try await run { world in
      var tokens: [String] = []
      for _ in 0..<64 { tokens.append(try await world.token()) }
      let shared = try await world.token()
      try await withThrowingTaskGroup(of: Int.self) { senders in
        for token in tokens {
          senders.addTask { try await world.rate(#""token":"\#(token)","value":0.5"#).status }
          senders.addTask { try await world.rate(#""token":"\#(shared)","thumbs":"up""#).status }
        }
        for try await status in senders { #expect([200, 202].contains(status)) }
      }
      let feedback = try await world.feedback()
      #expect(feedback.count == 65)
      #expect(Set(feedback.map(\.requestID)).count == 65)
      #expect(world.counter("rollout_feedback_total", ["status": "unchanged"]) == 63)
    }
  }

  @Test func `a store that refuses is a refusal, and nothing is promised`() async throws {
    let store = MoodyStore()
    try await run(options: { $0.store = store }) { world in
      let token = try await world.token()
      store.isFailing.withLock { $0 = true }
      let refused = try await world.rate(#""token":"\#(token)","value":1"#)
      #expect(refused.status == 503)
      #expect(refused["retry-after"] == "1")
      store.isFailing.withLock { $0 = false }
      #expect(try await world.rate(#""token":"\#(token)","value":1"#).status == 202)
    }
  }

  // MARK: Words

  @Test func `words are refused, and kept where the service is told to`() async throws {
    try await run { world in
      let reply = try await world.rate(
        #""token":"\#(try await world.token())","value":1,"text":"thanks""#)
      #expect(reply.status == 400)
      #expect(reply.body.contains("--feedback-text"))
      #expect(try await world.feedback().isEmpty)
    }
    try await run(options: { $0.gateway.feedback.keepsText = true }) { world in
      let reply = try await world.rate(
        #""token":"\#(try await world.token())","value":1,"text":"thänks""#)
      #expect(reply.status == 202)
      #expect(try await world.feedback().map(\.text) == ["thänks"])
    }
  }

  @Test(arguments: [
    (#""value":1.5"#, "value"), (#""value":-0.1"#, "value"), (#""value":true"#, "value"),
    (#""thumbs":"sideways""#, "thumbs"), (#""value":1,"thumbs":"up""#, "thumbs"),
    (#""valeu":1"#, "valeu"), (#""choice":-1,"value":1"#, "choice"),
    (#""choice":128,"value":1"#, "choice"), (#""metric":"Tone!","value":1"#, "metric"),
    (#""choice":0"#, "value"),
  ])
  func `what makes no sense is refused with its field`(said: String, field: String) async throws {
    try await run { world in
      let reply = try await world.rate(#""token":"\#(try await world.token())",\#(said)"#)
      #expect(reply.status == 400)
      #expect(reply.body.contains(#""param":"\#(field)""#), "\(reply.body)")
      #expect(try await world.feedback().isEmpty)
    }
  }

  // MARK: Browsers

  @Test func `pages of named origins may send, others may not`() async throws {
    let page = "Origin: https://chat.example"
    let other = "Origin: https://evil.example"
    try await run { world in
      let silent = try await world.ask("OPTIONS", FeedbackRoute.path, headers: [page])
      #expect(silent.status == 405)
      #expect(silent["access-control-allow-origin"] == nil)
    }
    try await run(options: { $0.gateway.feedback.origins = ["https://chat.example"] }) { world in
      let asked = try await world.ask(
        "OPTIONS", FeedbackRoute.path, headers: [page, "Connection: close"])
      #expect(asked.status == 204)
      #expect(asked["access-control-allow-origin"] == "https://chat.example")
      #expect(asked["access-control-allow-methods"] == "POST")
      #expect(asked["access-control-allow-headers"] == "content-type")
      let token = try await world.token()
      let reply = try await world.rate(#""token":"\#(token)","value":1"#, headers: [page])
      #expect(reply.status == 202)
      #expect(reply["access-control-allow-origin"] == "https://chat.example")
      // The page may read why it was refused.
      let refused = try await world.rate(#""token":"x","value":1"#, headers: [page])
      #expect(refused.status == 401)
      #expect(refused["access-control-allow-origin"] == "https://chat.example")
      let denied = try await world.ask("OPTIONS", FeedbackRoute.path, headers: [other])
      #expect(denied.status == 403)
      #expect(denied["access-control-allow-origin"] == nil)
      // No other route is opened.
      let chat = try await world.ask("OPTIONS", World.chat, headers: [page])
      #expect(chat.status == 405)
      #expect(chat["access-control-allow-origin"] == nil)
    }
  }
}

extension World {
  /// One answer's token.
  func token() async throws -> String {
    try #require(try await chat()["x-rollout-feedback-token"])
  }

  /// Sends feedback with these members.
  func rate(_ members: String, headers: [String] = []) async throws -> HTTPAnswer {
    try await ask("POST", FeedbackRoute.path, "{\(members)}", headers: headers)
  }

  /// All feedback on the rollout `trial`, in the store's order.
  func feedback() async throws -> [Feedback] {
    try await store.feedback(of: try rolloutName("trial"), run: 1, after: 0, limit: 1_000)
      .map(\.value)
  }
}

extension HTTPAnswer {
  /// `202 recorded`
  fileprivate var became: String? {
    body.firstMatch(of: /"status":"([a-z]+)"/).map { "\(status) \($0.output.1)" }
  }
}
