/// Whether the answer comes in chunks, and with what.
package struct Streaming: Hashable, Sendable {
  /// Whether the answer comes as server-sent events.
  package var isOn: Bool
  /// Whether a last chunk carries the usage. Only where `isOn`.
  package var includesUsage: Bool

  /// One answer, or a stream of chunks.
  package init(isOn: Bool = false, includesUsage: Bool = false) {
    self.isOn = isOn
    self.includesUsage = includesUsage
  }

  static let fields = ["stream", "stream_options"]

  /// Takes the member if it is one of these fields.
  mutating func take(_ member: JSONObject.Member) throws(FieldError) -> Bool {
    switch member.key {
    case "stream": isOn = try member.boolean() ?? false
    case "stream_options":
      includesUsage = try member.reading { value throws(FieldError) in
        try Streaming.options(value)
      }
    default: return false
    }
    return true
  }

  private static func options(_ value: JSONValue) throws(FieldError) -> Bool {
    var includesUsage = false
    for member in try value.object()?.members ?? [] {
      switch member.key {
      case "include_usage": includesUsage = try member.boolean() ?? false
      // Padding against traffic analysis, which we never add: known and ignored.
      case "include_obfuscation": _ = try member.boolean()
      default: throw FieldError.unknown(member.key, known: ["include_usage"])
      }
    }
    return includesUsage
  }

  /// What can only be said once all fields are read.
  func validate() throws(FieldError) {
    guard isOn || !includesUsage else {
      throw FieldError(
        .invalidValue, "only allowed when 'stream' is true.", path: "stream_options")
    }
  }

  /// Log probabilities of a prompt come with a whole answer only.
  func validate(promptLogprobs: Int?) throws(FieldError) {
    guard !isOn || promptLogprobs == nil else {
      throw FieldError(
        .invalidValue, "not available when 'stream' is true.", path: "prompt_logprobs")
    }
  }

  func encode(into writer: inout JSONWriter) {
    guard isOn else { return }
    writer.member("stream", true)
    guard includesUsage else { return }
    writer.key("stream_options")
    writer.beginObject()
    writer.member("include_usage", true)
    writer.endObject()
  }
}
