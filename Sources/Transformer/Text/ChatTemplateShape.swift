/// The structure of a ChatML template, with its strings as they stand there.
struct ChatTemplateShape: Hashable {
  enum Piece: Hashable {
    case literal(String)
    case role
    case content(isTrimmed: Bool)
  }

  /// Empty if the template has none.
  private(set) var defaultTurn = ""
  private(set) var turn: [Piece] = []
  /// Empty if the template has none.
  private(set) var generationPrompt = ""

  /// - Returns: `nil` for every other structure.
  init?(_ parts: [TemplatePart]) {
    var parts = parts[...]
    // `{% if not add_generation_prompt is defined %}…false…{% endif %}` changes nothing here.
    if Self.take(&parts, "if not add_generation_prompt is defined") {
      guard Self.take(&parts, "set add_generation_prompt = false"), Self.take(&parts, "endif")
      else { return nil }
    }
    guard Self.take(&parts, "for message in messages") else { return nil }
    if Self.take(&parts, "if loop . first and messages [ 0 ] [ 'role' ] != 'system'") {
      guard let text = Self.takeLiteral(&parts), Self.take(&parts, "endif") else { return nil }
      defaultTurn = text
    }
    guard let turn = Self.takePieces(&parts), Self.take(&parts, "endfor") else { return nil }
    guard turn.contains(.role),
      turn.count(where: { if case .content = $0 { true } else { false } }) == 1
    else { return nil }
    self.turn = turn
    if Self.take(&parts, "if add_generation_prompt") {
      guard let text = Self.takeLiteral(&parts), Self.take(&parts, "endif") else { return nil }
      generationPrompt = text
    }
    guard parts.isEmpty else { return nil }
  }

  /// Removes the statement from the front if it is spelled so.
  private static func take(_ parts: inout ArraySlice<TemplatePart>, _ statement: String) -> Bool {
    guard case .statement(let words) = parts.first else { return false }
    let spelled = words.map {
      switch $0 {
      case .string(let string): "'\(string)'"
      case .symbol(let symbol): symbol
      }
    }
    guard spelled.joined(separator: " ") == statement else { return false }
    parts.removeFirst()
    return true
  }

  /// Removes text and outputs of nothing but text from the front.
  private static func takeLiteral(_ parts: inout ArraySlice<TemplatePart>) -> String? {
    guard let pieces = takePieces(&parts) else { return nil }
    return pieces.reduce("") { text, piece -> String? in
      guard let text, case .literal(let more) = piece else { return nil }
      return text + more
    }
  }

  /// Removes text and outputs from the front; `nil` if there is none or one is not understood.
  private static func takePieces(_ parts: inout ArraySlice<TemplatePart>) -> [Piece]? {
    var pieces: [Piece] = []
    loop: while let part = parts.first {
      switch part {
      case .text(let text): pieces.append(.literal(text))
      case .output(let words):
        guard let sum = self.pieces(of: words) else { return nil }
        pieces += sum
      case .statement: break loop
      }
      parts.removeFirst()
    }
    return pieces.isEmpty ? nil : pieces
  }

  /// `'string' + message['role'] + message['content'] | trim + …`
  private static func pieces(of words: [TemplateWord]) -> [Piece]? {
    var pieces: [Piece] = []
    for term in words.split(separator: .symbol("+"), omittingEmptySubsequences: false) {
      switch Array(term) {
      case [.symbol("message"), .symbol("["), .string("role"), .symbol("]")]:
        pieces.append(.role)
      case [.symbol("message"), .symbol("["), .string("content"), .symbol("]")]:
        pieces.append(.content(isTrimmed: false))
      case [
        .symbol("message"), .symbol("["), .string("content"), .symbol("]"), .symbol("|"),
        .symbol("trim"),
      ]:
        pieces.append(.content(isTrimmed: true))
      default:
        guard term.count == 1, case .string(let text) = term.first else { return nil }
        pieces.append(.literal(text))
      }
    }
    return pieces
  }
}
