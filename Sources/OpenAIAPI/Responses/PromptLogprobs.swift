/// What a model holds of the prompt itself, token by token: the field `prompt_logprobs`, an
/// extension that vLLM introduced.
///
/// On the wire a list with null first, since nothing comes before the first token, and then for
/// each
/// token an object from token numbers to `logprob`, `rank` and `decoded_token`: the prompt's own
/// token first, then the likeliest ones.
package struct PromptLogprobs: Hashable, Sendable {
  /// One token that stands there, or could have.
  package struct Entry: Hashable, Sendable {
    /// Its number in the vocabulary of whoever answered.
    package var token: Int
    /// Natural logarithm, at most 0.
    package var logprob: Double
    /// 1 for the likeliest; `nil` where the server did not tell.
    package var rank: Int?
    /// `nil` where the server did not tell.
    package var decodedToken: String?

    /// An entry.
    package init(token: Int, logprob: Double, rank: Int?, decodedToken: String?) {
      self.token = token
      self.logprob = logprob
      self.rank = rank
      self.decodedToken = decodedToken
    }
  }

  /// One for each token of the prompt; `nil` for one that nothing came before. No token twice in
  /// one of them.
  package var positions: [[Entry]?]

  /// Of a prompt.
  package init(positions: [[Entry]?]) {
    self.positions = positions
  }
}

extension PromptLogprobs {
  init?(_ member: JSONObject.Member, _ limits: ResponseLimits) throws(FieldError) {
    let positions = try member.elements(upTo: limits.maximumTokens) { value throws(FieldError) in
      try Self.entries(value, limits)
    }
    guard let positions else { return nil }
    self.init(positions: positions)
  }

  private static func entries(
    _ value: JSONValue, _ limits: ResponseLimits
  ) throws(FieldError) -> [Entry]? {
    guard let object = try value.object() else { return nil }
    guard object.members.count <= limits.maximumAlternatives else {
      throw FieldError(.arrayTooLong, "more than \(limits.maximumAlternatives) tokens.")
    }
    var entries: [Entry] = []
    for member in object.members {
      guard let token = Int(member.key), token >= 0 else {
        throw FieldError(
          .invalidValue, "keys are token numbers; found '\(excerpt(member.key))'.")
      }
      entries.append(
        try member.reading { value throws(FieldError) in try Entry(token, value) })
    }
    return entries
  }

  func encode(into writer: inout JSONWriter) {
    writer.beginArray()
    for entries in positions {
      guard let entries else {
        writer.null()
        continue
      }
      writer.beginObject()
      for entry in entries {
        writer.key(String(entry.token))
        writer.beginObject()
        writer.member("logprob", TokenLogprob.bounded(entry.logprob))
        writer.member("rank", entry.rank)
        writer.memberOrNull("decoded_token", entry.decodedToken)
        writer.endObject()
      }
      writer.endObject()
    }
    writer.endArray()
  }
}

extension PromptLogprobs.Entry {
  fileprivate init(_ token: Int, _ value: JSONValue) throws(FieldError) {
    var logprob: Double?
    self.init(token: token, logprob: 0, rank: nil, decodedToken: nil)
    for member in try value.object().required("an object").members {
      switch member.key {
      case "logprob": logprob = try member.number(in: -Double.infinity...Double.infinity)
      case "rank": rank = try member.integer(in: 0...Int.max)
      case "decoded_token": decodedToken = try member.string(upTo: Int.max)
      default: break
      }
    }
    self.logprob = logprob ?? TokenLogprob.unlikely
  }
}
