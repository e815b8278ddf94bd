/// One message of a conversation, as a model reads it.
package struct ChatTurn: Hashable, Sendable {
  /// Who speaks. A closed set, so that no request can invent a role that spells a control token.
  package enum Role: String, CaseIterable, Hashable, Sendable {
    case system, user, assistant, tool
  }

  package let role: Role
  package let content: String

  package init(role: Role, content: String) {
    self.role = role
    self.content = content
  }
}
