/// One turn of a conversation, as a client sends it.
package struct ChatMessage: Hashable, Sendable {
  /// Who speaks.
  package enum Role: String, Hashable, Sendable, CaseIterable {
    case system, developer, user, assistant, tool
  }

  /// What is said.
  package enum Content: Hashable, Sendable {
    case text(String)
    case parts([ContentPart])
  }

  package var role: Role
  /// `nil` only for an assistant that called tools or refused.
  package var content: Content?
  /// Tells speakers of one role apart.
  package var name: String?
  /// Only an assistant's.
  package var toolCalls: [ToolCall]
  /// Which call a tool's message answers; only a tool's.
  package var toolCallID: String?
  /// Only an assistant's.
  package var refusal: String?
  /// `audio` of an assistant's earlier answer, forwarded as it came.
  package var audio: JSONObject?

  /// A message of text, or of parts.
  package init(
    role: Role, content: Content?, name: String? = nil, toolCalls: [ToolCall] = [],
    toolCallID: String? = nil, refusal: String? = nil, audio: JSONObject? = nil
  ) {
    self.role = role
    self.content = content
    self.name = name
    self.toolCalls = toolCalls
    self.toolCallID = toolCallID
    self.refusal = refusal
    self.audio = audio
  }

  /// A message of plain text.
  package init(_ role: Role, _ text: String) {
    self.init(role: role, content: .text(text))
  }
}

/// A part of a message: text, or something that only some upstreams understand.
package enum ContentPart: Hashable, Sendable {
  case text(String)
  /// Only an assistant's.
  case refusal(String)
  /// `image_url`, `input_audio`, `file`, `video_url` or `audio_url`, forwarded as it came. The
  /// object includes the `type`.
  case other(type: String, JSONObject)

  /// The kinds of part that are not text and may be forwarded.
  static let forwardedKinds = ["image_url", "input_audio", "file", "video_url", "audio_url"]
}

/// A message that is only text.
package struct TextMessage: Hashable, Sendable {
  package var role: ChatMessage.Role
  package var text: String

  /// A message.
  package init(role: ChatMessage.Role, text: String) {
    self.role = role
    self.text = text
  }
}

extension ChatMessage {
  /// The text of a message, its text parts joined without anything between them; `nil` if it has
  /// parts that are not text, or no content.
  package var text: String? {
    switch content {
    case nil: return nil
    case .text(let text): return text
    case .parts(let parts):
      var joined = ""
      for part in parts {
        guard case .text(let text) = part else { return nil }
        joined += text
      }
      return joined
    }
  }
}
