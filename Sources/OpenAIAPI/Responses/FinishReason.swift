/// Why an answer ended.
package enum FinishReason: Hashable, Sendable {
  /// The model ended it, or a stop sequence.
  case stop
  /// The budget of tokens was spent.
  case length
  case contentFilter
  /// The model waits for answers of tools.
  case toolCalls
  /// Some server's own word, kept as it came. Official clients know only those above and
  /// `function_call`.
  case other(String)

  /// The word on the wire.
  package var rawValue: String {
    switch self {
    case .stop: "stop"
    case .length: "length"
    case .contentFilter: "content_filter"
    case .toolCalls: "tool_calls"
    case .other(let word): word
    }
  }

  /// The reason of that word; every word has one.
  package init(rawValue: String) {
    switch rawValue {
    case "stop": self = .stop
    case "length": self = .length
    case "content_filter": self = .contentFilter
    case "tool_calls": self = .toolCalls
    default: self = .other(rawValue)
    }
  }

  init?(_ member: JSONObject.Member) throws(FieldError) {
    guard let word = try member.string(upTo: 256) else { return nil }
    self.init(rawValue: word)
  }
}
