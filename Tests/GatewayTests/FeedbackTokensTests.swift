import Experimentation
import OpenAIAPI
import Testing

@testable import Gateway

/// Tokens: what they carry, and that none can be made or changed without the key.
@Suite struct FeedbackTokensTests {
  private static let now: Int64 = 1_750_000_000_000
  private let tokens: FeedbackTokens

  init() throws { tokens = try #require(FeedbackTokens(key: FeedbackTests.key)) }

  private func request(
    propensity: Double? = 1.0 / 3, position: RolloutPosition? = nil
  ) throws -> AnsweredRequest {
    AnsweredRequest(
      requestID: "req-\u{21}~",
      assignment: Assignment(
        route: try routeName("assistant"), rollout: position, unitHash: .max - 1,
        propensity: propensity, atMilliseconds: Self.now),
      model: try modelName("flash"))
  }

  private func position() throws -> RolloutPosition {
    RolloutPosition(
      rollout: try rolloutName("trial"), digest: String(repeating: "ab", count: 32), step: 3, run: 9
    )
  }

  @Test func `a token says what it was made of, to the bit`() throws {
    var allocated = try position()
    allocated.allocation = 41
    var drafted = try request(position: try position())
    drafted.choices = [try modelName("flash"), try modelName("dense"), try modelName("flash")]
    for request in [
      try request(), try request(propensity: nil), try request(position: try position()),
      try request(propensity: .leastNonzeroMagnitude, position: try position()),
      try request(position: allocated), drafted,
    ] {
      let token = try #require(tokens.token(of: request))
      #expect(try tokens.request(of: token, at: Self.now) == request)
      // It hangs on what it says and on the key alone.
      #expect(token == tokens.token(of: request))
    }
  }

  /// A rater who could read it would know whose choice stands where, and could vote for a model.
  @Test func `neither the bytes nor the length of a token tell who gave an answer`() throws {
    let (short, long) = (
      try modelName("m"), try modelName("dense-" + String(repeating: "x", count: 57))
    )
    func token(_ authors: [ModelName]) throws -> String {
      var request = try request(position: try position())
      request.choices = authors
      return try #require(tokens.token(of: request))
    }
    let drafts = [[short, long, short], [long, short, long], [long, long, long]]
    let all = try drafts.map(token)
    #expect(Set(all).count == all.count)
    #expect(Set(all.map(\.utf8.count)).count == 1)
    for token in all {
      let bytes = try #require(Base64.url.decode(token.utf8), "one piece of base64url")
      let text = String(decoding: bytes, as: UTF8.self)
      for word in ["flash", "dense", "assistant", "trial", "choices"] {
        #expect(!text.contains(word), "'\(word)' can be read")
      }
    }
    var brief = try request(position: try position())
    brief.model = short
    var lengthy = brief
    lengthy.model = long
    #expect(tokens.token(of: brief)?.utf8.count == tokens.token(of: lengthy)?.utf8.count)
  }

  /// Before tokens were sealed they were signed; whoever holds one was promised a week.
  @Test func `a token that was signed only is good until it expires, unless it was changed`() throws
  {
    let token = Self.signedToken
    var expected = try request(propensity: 0.25, position: try position())
    expected.choices = [try modelName("flash"), try modelName("dense")]
    #expect(try tokens.request(of: token, at: Self.now) == expected)
    let late = #expect(throws: APIError.self) {
      try tokens.request(of: token, at: Self.now + 7 * 86_400_000)
    }
    #expect(late?.status == 410)
    for place in [0, 100, token.utf8.count - 1] {
      var bytes = Array(token.utf8)
      bytes[place] = bytes[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      let error = #expect(throws: APIError.self) {
        try tokens.request(of: String(decoding: bytes, as: UTF8.self), at: Self.now)
      }
      #expect(error?.status == 401)
    }
  }

  /// Made with Python's `hmac` from the key of 32 times 7, as services did before.
  private static let signedToken =
    "cmVxLSF-IGFzc2lzdGFudCBmbGFzaCAxNzUwMDAwMDAwMDAwIDE3NTA2MDQ4MDAwMDAgZmZmZmZmZmZmZmZmZmZm"
    + "ZSAwLjI1IHRyaWFsIDkgMyBhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJh"
    + "YmFiYWJhYmFiYWJhYmFiIGNob2ljZXM6Zmxhc2gsZGVuc2U.s2OEqVePdL_U_Wz0BhnGLeFmiediP70yCjmlBs8Q"
    + "qEA"

  @Test func `labels, which may be long, stay out of it`() throws {
    var assignment = try request(position: try position()).assignment
    assignment.labels = ["team": String(repeating: "x", count: 512)]
    let request = AnsweredRequest(
      requestID: String(repeating: "r", count: 128), assignment: assignment,
      model: try modelName(String(repeating: "m", count: 63)))
    #expect(try #require(tokens.token(of: request)).utf8.count < 600)
  }

  @Test func `whatever is changed in a token is found out`() throws {
    let token = try #require(tokens.token(of: try request(position: try position())))
    for index in token.utf8.indices {
      for letter in ["A", "-", ".", "B", "="] {
        var changed = token
        changed.replaceSubrange(index..<token.utf8.index(after: index), with: letter)
        guard changed != token else { continue }
        let error = #expect(throws: APIError.self) {
          try tokens.request(of: changed, at: Self.now)
        }
        #expect(error?.status == 401)
        #expect(error?.code == "invalid_feedback_token")
      }
    }
    for junk in ["", ".", "a", token + ".", token + "A", String(token.dropLast())] {
      #expect(throws: APIError.self) { try tokens.request(of: junk, at: Self.now) }
    }
  }

  @Test func `another key's tokens are refused`() throws {
    let other = try #require(FeedbackTokens(key: FeedbackTokens.makeKey()))
    let token = try #require(other.token(of: try request()))
    let error = #expect(throws: APIError.self) { try tokens.request(of: token, at: Self.now) }
    #expect(error?.status == 401)
    #expect(FeedbackTokens(key: [1, 2, 3]) == nil)
    #expect(FeedbackTokens.makeKey() != FeedbackTokens.makeKey())
  }

  @Test func `a token expires after a week`() throws {
    let token = try #require(tokens.token(of: try request()))
    let week: Int64 = 7 * 86_400_000
    _ = try tokens.request(of: token, at: Self.now + week - 1)
    let error = #expect(throws: APIError.self) {
      try tokens.request(of: token, at: Self.now + week)
    }
    #expect(error?.status == 410)
    #expect(error?.code == "feedback_token_expired")
  }

  @Test func `bytes have one spelling`() throws {
    // RFC 4648, section 10, without padding.
    for (bytes, text) in [
      ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
      ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
    ] {
      #expect(Base64.url.encode(bytes.utf8) == text)
      #expect(Base64.url.decode(text.utf8) == Array(bytes.utf8))
    }
    #expect(Base64.url.encode([0xFB, 0xFF]) == "-_8")
    for text in ["Zg==", "Zh", "Z", "Zm9", "+/8", "Zm 9v"] {
      #expect(Base64.url.decode(text.utf8) == nil, "\(text)")
    }
  }

  @Test func `of many requests the latest are remembered`() throws {
    let recent = RecentRequests(capacity: 3)
    func note(_ name: String, at milliseconds: Int64 = 0) throws {
      var request = try request()
      request.requestID = name
      request.assignment.atMilliseconds = milliseconds
      recent.note(request)
    }
    for name in ["a", "b", "c", "d"] { try note(name) }
    #expect(recent["a"] == nil)
    #expect(["b", "c", "d"].allSatisfy { recent[$0]?.requestID == $0 })
    // A name that is given again is the later request's, and lives as long as that.
    try note("b", at: 5)
    try note("e")
    #expect(recent["b"]?.assignment.atMilliseconds == 5)
    #expect(recent["c"] == nil && recent["d"] != nil && recent["e"] != nil)
  }
}
