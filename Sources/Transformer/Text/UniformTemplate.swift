/// A template that writes every turn the same way, with the role as a word: ChatML and what has its
/// structure, with whichever strings:
///
///     {% for message in messages %}
///       {% if loop.first and messages[0]['role'] != 'system' %}{{ default turn }}{% endif %}
///       {{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}
///     {% endfor %}
///     {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
///
/// The default turn and the last line may be missing.
struct UniformTemplate: Sendable {
  /// What is written for each turn, in order.
  private enum Piece: Hashable, Sendable {
    case fixed(PromptSegment)
    case role
    case content(isTrimmed: Bool)
  }

  /// Is written first if the first turn is not the system's; empty if the template has none.
  private let defaultTurn: [PromptSegment]
  private let turn: [Piece]
  /// Is written last to make the model speak.
  private let generationPrompt: [PromptSegment]

  /// - Returns: `nil` unless control tokens enclose each message
  init?(_ shape: ChatTemplateShape, tokenizer: Tokenizer) {
    defaultTurn = tokenizer.segments(of: shape.defaultTurn)
    generationPrompt = tokenizer.segments(of: shape.generationPrompt)
    turn = shape.turn.flatMap { piece -> [Piece] in
      switch piece {
      case .literal(let text): tokenizer.segments(of: text).map(Piece.fixed)
      case .role: [.role]
      case .content(let isTrimmed): [.content(isTrimmed: isTrimmed)]
      }
    }
    guard Self.isEnclosed(turn, tokenizer) else { return nil }
  }

  /// Whether what people write stands between control tokens, which they cannot write.
  private static func isEnclosed(_ turn: [Piece], _ tokenizer: Tokenizer) -> Bool {
    // User-defined tokens are no fence: what people write may spell them.
    func isControl(_ piece: Piece) -> Bool {
      guard case .fixed(.control(let token)) = piece else { return false }
      return tokenizer.isControl(token)
    }
    guard let first = turn.first, isControl(first),
      let content = turn.lastIndex(where: { if case .content = $0 { true } else { false } })
    else { return false }
    return turn[content...].contains(where: isControl)
  }

  func segments(for turns: [ChatTurn], addGenerationPrompt: Bool) -> [PromptSegment] {
    var segments: [PromptSegment] = []
    if let first = turns.first, first.role != .system { segments += defaultTurn }
    for turn in turns {
      segments += self.turn.map { piece in
        switch piece {
        case .fixed(let segment): segment
        case .role: .text(turn.role.rawValue)
        case .content(let isTrimmed): .text(isTrimmed ? turn.content.trimmed : turn.content)
        }
      }
    }
    return addGenerationPrompt ? segments + generationPrompt : segments
  }
}

extension String {
  /// Without white space at both ends, as Jinja's `trim` leaves it.
  var trimmed: String {
    var scalars = trimmedAtEnd.unicodeScalars[...]
    while scalars.first?.properties.isWhitespace == true { scalars.removeFirst() }
    return String(scalars)
  }

  /// Without white space at the end.
  var trimmedAtEnd: String {
    var scalars = unicodeScalars[...]
    while scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
    return String(scalars)
  }
}
