/// One token of an answer with its log probability, and what else could have stood there.
package struct TokenLogprob: Hashable, Sendable {
  /// A token that could have stood there.
  package struct Alternative: Hashable, Sendable {
    package var token: String
    /// Natural logarithm, at most 0.
    package var logprob: Double
    /// The token's bytes, which need not be UTF-8 by themselves; `nil` if unknown.
    package var bytes: [UInt8]?

    /// An alternative.
    package init(token: String, logprob: Double, bytes: [UInt8]? = nil) {
      self.token = token
      self.logprob = logprob
      self.bytes = bytes
    }
  }

  package var token: String
  /// Natural logarithm, at most 0.
  package var logprob: Double
  /// The token's bytes, which need not be UTF-8 by themselves; `nil` if unknown.
  package var bytes: [UInt8]?
  /// The likeliest first.
  package var alternatives: [Alternative]
  /// Whether nothing came before the token, the first of an echoed prompt: then it has no
  /// probability, and `logprob` means nothing. Legacy completions write null.
  package var isFirstOfText = false

  /// A token.
  package init(
    token: String, logprob: Double, bytes: [UInt8]? = nil, alternatives: [Alternative] = []
  ) {
    self.token = token
    self.logprob = logprob
    self.bytes = bytes
    self.alternatives = alternatives
  }

  /// What the API writes for a token that is next to impossible; also for a logarithm that is not
  /// finite, which JSON cannot hold.
  package static let unlikely = -9999.0

  static func bounded(_ logprob: Double) -> Double {
    logprob.isFinite ? max(logprob, unlikely) : unlikely
  }
}

/// The `logprobs` of a chat choice or chunk.
package struct ChatLogprobs: Hashable, Sendable {
  /// Of the content, in order; `nil` if the server sent null.
  package var content: [TokenLogprob]?
  /// Of the refusal, in order; `nil` if the server sent null.
  package var refusal: [TokenLogprob]?

  /// Log probabilities of content.
  package init(content: [TokenLogprob]?, refusal: [TokenLogprob]? = nil) {
    self.content = content
    self.refusal = refusal
  }
}

extension TokenLogprob {
  init(_ value: JSONValue, _ limits: ResponseLimits) throws(FieldError) {
    var alternatives: [Alternative] = []
    let own = try Alternative(value) { member throws(FieldError) in
      guard member.key == "top_logprobs" else { return }
      alternatives =
        try member.elements(upTo: limits.maximumAlternatives) { value throws(FieldError) in
          try Alternative(value)
        } ?? []
    }
    self.init(
      token: own.token, logprob: own.logprob, bytes: own.bytes, alternatives: alternatives)
  }

  func encode(into writer: inout JSONWriter) {
    writer.beginObject()
    Alternative(token: token, logprob: logprob, bytes: bytes).encodeMembers(into: &writer)
    writer.key("top_logprobs")
    writer.beginArray()
    for alternative in alternatives {
      writer.beginObject()
      alternative.encodeMembers(into: &writer)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
  }
}

extension TokenLogprob.Alternative {
  init(
    _ value: JSONValue, other: (JSONObject.Member) throws(FieldError) -> Void = { _ in }
  ) throws(FieldError) {
    var token: String?
    var logprob: Double?
    var bytes: [UInt8]?
    for member in try value.object().required("an object").members {
      switch member.key {
      case "token": token = try member.string(upTo: Int.max)
      case "logprob": logprob = try member.number(in: -Double.infinity...Double.infinity)
      case "bytes":
        bytes = try member.elements(upTo: 4_096) { value throws(FieldError) in
          UInt8(try value.integer(in: 0...255).required("a byte"))
        }
      default: try other(member)
      }
    }
    guard let token else { throw FieldError.missing("token", "Every log probability has one.") }
    // Servers that clip impossible tokens send null.
    self.init(token: token, logprob: logprob ?? TokenLogprob.unlikely, bytes: bytes)
  }

  func encodeMembers(into writer: inout JSONWriter) {
    writer.member("token", token)
    writer.member("logprob", TokenLogprob.bounded(logprob))
    writer.key("bytes")
    guard let bytes else { return writer.null() }
    writer.beginArray()
    for byte in bytes { writer.value(Int(byte)) }
    writer.endArray()
  }
}

extension ChatLogprobs {
  init?(_ value: JSONValue, _ limits: ResponseLimits) throws(FieldError) {
    guard let object = try value.object() else { return nil }
    self.init(content: nil)
    for member in object.members {
      switch member.key {
      case "content": content = try ChatLogprobs.tokens(member, limits)
      case "refusal": refusal = try ChatLogprobs.tokens(member, limits)
      default: break
      }
    }
  }

  private static func tokens(
    _ member: JSONObject.Member, _ limits: ResponseLimits
  ) throws(FieldError) -> [TokenLogprob]? {
    try member.elements(upTo: limits.maximumTokens) { value throws(FieldError) in
      try TokenLogprob(value, limits)
    }
  }

  func encode(into writer: inout JSONWriter) {
    writer.beginObject()
    ChatLogprobs.encode("content", content, into: &writer)
    ChatLogprobs.encode("refusal", refusal, into: &writer)
    writer.endObject()
  }

  private static func encode(
    _ key: String, _ tokens: [TokenLogprob]?, into writer: inout JSONWriter
  ) {
    writer.key(key)
    guard let tokens else { return writer.null() }
    writer.beginArray()
    for token in tokens { token.encode(into: &writer) }
    writer.endArray()
  }
}
