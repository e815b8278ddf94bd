import Experimentation
import Foundation
import Testing

@testable import Console

/// What goes over the wire, and what does not.
@Suite struct ResponseTests {
  @Test(arguments: [
    ("alice", true), ("Zoë — 用户 🙂", true), ("", true), ("a\u{1b}[2J", false), ("a\nb", false),
    ("a\u{7f}", false), ("a\u{85}b", false), ("a\u{202e}b", false), ("a\u{2028}b", false),
    ("\u{feff}a", false), ("a\u{e0041}", false),
  ])
  func `text that would upset a terminal is not plain, and is escaped`(text: String, plain: Bool) {
    #expect(PlainText.isPlain(text) == plain)
    let escaped = PlainText.escaping(text)
    #expect(PlainText.isPlain(escaped))
    #expect((escaped == text) == plain)
  }

  @Test func `an escape says what it stands for`() {
    #expect(PlainText.escaping("a\u{1b}[2J\r\n") == #"a\u{1b}[2J\u{d}\u{a}"#)
  }

  @Test func `an older service that does not tell who has left is read`() throws {
    let policy = RolloutPolicy(
      name: try #require(RolloutName("r")), route: try #require(RouteName("assistant")),
      incumbent: try #require(ModelName("dense")), candidates: [try #require(ModelName("flash"))],
      assignment: AssignmentPolicy(unit: .request, salt: "s"), steps: [], metrics: [],
      digest: "p")
    let standing = PoliciesResponse.Standing(
      policy: policy, status: .running, step: 0, run: 1, dropped: [])
    let text = String(decoding: try JSONEncoder().encode(standing), as: UTF8.self)
    let older = text.replacing(#""dropped":[],"#, with: "").replacing(#","dropped":[]"#, with: "")
    #expect(older != text)
    let read = try JSONDecoder().decode(PoliciesResponse.Standing.self, from: Data(older.utf8))
    #expect(read.dropped == nil && read.policy == policy)
  }

  @Test func `bounds that are infinite are unknown to clients`() throws {
    let report = GateReport(
      gate: "ttft", metric: .timeToFirstToken, role: .goal,
      candidate: try #require(ModelName("flash")), verdict: .inconclusive, estimate: .nan,
      lowerBound: -.infinity, upperBound: 0.25, threshold: -0.2)
    #expect(throws: EncodingError.self) { try JSONEncoder().encode(report) }
    let finite = report.finite
    #expect(finite.estimate == nil)
    #expect(finite.lowerBound == nil)
    #expect(finite.upperBound == 0.25)
    _ = try JSONEncoder().encode(finite)
  }

  private static let durations: [(Double, String)] = [
    (0, "0s"), (-5, "0s"), (0.9, "0s"), (59, "59s"), (60, "1m"), (725, "12m 5s"),
    (3_600, "1h"), (90_061, "1d 1h"), (86_400 * 400, "400d"),
  ]

  @Test(arguments: durations)
  func `a duration is said in its two largest units`(seconds: Double, text: String) {
    #expect(Duration.seconds(seconds).inWords == text)
  }

  @Test func `a signature is trimmed, and a blank reason is none`() throws {
    let signature = try Signature(actor: "  alice ", reason: "   ")
    #expect(signature.actor == "alice")
    #expect(signature.reason == nil)
  }

  @Test func `an error looks as documented`() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let error = ErrorResponse(
      error: ErrorResponse.Problem(.staleIncumbent, "what", remedy: "how"))
    #expect(
      String(decoding: try encoder.encode(error), as: UTF8.self) == """
        {"error":{"code":"staleIncumbent","diagnostics":[],"message":"what","openGates":[],\
        "remedy":"how"}}
        """)
  }

  private static let pages: [(String?, String?, String?, Bool)] = [
    (nil, nil, "10.0.0.7:8081", true), (nil, "none", "localhost", true),
    ("http://127.0.0.1:8081", "same-origin", "127.0.0.1:8081", true),
    ("http://LOCALHOST:8081", nil, "localhost:8081", true),
    ("http://[::1]:8081", nil, "[::1]:8081", true),
    ("http://127.0.0.1:8081", "cross-site", "127.0.0.1:8081", false),
    ("http://127.0.0.1:9999", nil, "127.0.0.1:8081", false),
    ("http://rebound.example", nil, "rebound.example", false),
    ("http://127.0.0.1.evil.example", nil, "127.0.0.1.evil.example", false),
    ("http://999.0.0.1", nil, "999.0.0.1", false), ("null", nil, "null", false),
    ("http://127.0.0.1:8081", nil, nil, false),
  ]

  @Test(arguments: pages)
  func `pages of other origins, and of names that anybody may own, give no commands`(
    origin: String?, site: String?, authority: String?, isAllowed: Bool
  ) {
    do {
      try BrowserGuard.check(origin: origin, site: site, authority: authority)
      #expect(isAllowed)
    } catch {
      #expect(!isAllowed)
      #expect(error.problem.code == .forbidden)
    }
  }
}
