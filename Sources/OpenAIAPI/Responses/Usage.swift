/// What an answer cost, in tokens of whoever answered.
package struct Usage: Hashable, Sendable {
  package var promptTokens: Int
  /// Of all choices together.
  package var completionTokens: Int
  /// Tokens of the prompt that came from a cache; `nil` if unknown. Part of `promptTokens`.
  package var cachedPromptTokens: Int?
  /// Tokens spent thinking; `nil` if unknown. Part of `completionTokens`.
  package var reasoningTokens: Int?

  /// The sum.
  package var totalTokens: Int { promptTokens + completionTokens }

  /// A usage.
  package init(
    promptTokens: Int, completionTokens: Int, cachedPromptTokens: Int? = nil,
    reasoningTokens: Int? = nil
  ) {
    self.promptTokens = promptTokens
    self.completionTokens = completionTokens
    self.cachedPromptTokens = cachedPromptTokens
    self.reasoningTokens = reasoningTokens
  }
}

extension Usage {
  private static let counts = 0...Int(Int32.max)

  /// Reads `usage`; `nil` for null. `total_tokens` is not read but added up.
  init?(_ value: JSONValue) throws(FieldError) {
    guard let object = try value.object() else { return nil }
    self.init(promptTokens: 0, completionTokens: 0)
    var hasPrompt = false
    for member in object.members {
      switch member.key {
      case "prompt_tokens":
        promptTokens = try member.integer(in: Usage.counts) ?? 0
        hasPrompt = true
      case "completion_tokens": completionTokens = try member.integer(in: Usage.counts) ?? 0
      case "prompt_tokens_details":
        cachedPromptTokens = try Usage.detail("cached_tokens", of: member)
      case "completion_tokens_details":
        reasoningTokens = try Usage.detail("reasoning_tokens", of: member)
      default: break
      }
    }
    guard hasPrompt else { throw FieldError.missing("prompt_tokens", "Usage counts the prompt.") }
  }

  private static func detail(
    _ key: String, of member: JSONObject.Member
  ) throws(FieldError) -> Int? {
    for detail in try member.object()?.members ?? [] where detail.key == key {
      do { return try detail.integer(in: counts) } catch { throw error.inside(member.key) }
    }
    return nil
  }

  func encode(into writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("prompt_tokens", promptTokens)
    writer.member("completion_tokens", completionTokens)
    writer.member("total_tokens", totalTokens)
    encode("prompt_tokens_details", "cached_tokens", cachedPromptTokens, into: &writer)
    encode("completion_tokens_details", "reasoning_tokens", reasoningTokens, into: &writer)
    writer.endObject()
  }

  private func encode(
    _ group: String, _ key: String, _ count: Int?, into writer: inout JSONWriter
  ) {
    guard let count else { return }
    writer.key(group)
    writer.beginObject()
    writer.member(key, count)
    writer.endObject()
  }
}
