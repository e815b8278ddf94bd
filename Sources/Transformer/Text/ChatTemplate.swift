/// How a model wants a conversation written down.
///
/// Files carry their template as a Jinja program. Programs from files are not run here: a template
/// is *recognised* by its structure, which is that of ChatML, and refused otherwise:
///
///     {% for message in messages %}
///       {% if loop.first and messages[0]['role'] != 'system' %}{{ default turn }}{% endif %}
///       {{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}
///     {% endfor %}
///     {% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
///
/// The strings may be any; the default turn and the last line may be missing. Rendering yields
/// tokens, not text: control tokens come from the template alone, so that a message that spells
/// `<|im_end|>` says just these characters.
package struct ChatTemplate: Sendable {
  static let longestTemplate = 64 << 10

  /// What is written for each turn, in order.
  enum Piece: Hashable, Sendable {
    case fixed(PromptSegment)
    case role
    case content(isTrimmed: Bool)
  }

  /// Is written first if the first turn is not the system's; empty if the template has none.
  let defaultTurn: [PromptSegment]
  let turn: [Piece]
  /// Is written last to make the model speak.
  let generationPrompt: [PromptSegment]

  /// Recognises the template in a file's metadata.
  ///
  /// - Throws: `unsupportedFile` if there is no template, or one of another structure.
  package init(_ file: GGUFFile, tokenizer: Tokenizer) throws(TransformerError) {
    guard let source = try file.string("tokenizer.chat_template") else {
      throw TransformerError(
        .unsupportedFile,
        "metadata 'tokenizer.chat_template' is missing: the model was not made for conversations; "
          + "complete plain text with it, or use its instruction-tuned version")
    }
    try self.init(source: source, tokenizer: tokenizer)
  }

  init(source: String, tokenizer: Tokenizer) throws(TransformerError) {
    guard source.utf8.count <= Self.longestTemplate,
      let parts = TemplateScanner.parts(of: source),
      let shape = ChatTemplateShape(parts)
    else { throw Self.unsupported("has another structure") }
    defaultTurn = tokenizer.segments(of: shape.defaultTurn)
    generationPrompt = tokenizer.segments(of: shape.generationPrompt)
    turn = shape.turn.flatMap { piece -> [Piece] in
      switch piece {
      case .literal(let text): tokenizer.segments(of: text).map(Piece.fixed)
      case .role: [.role]
      case .content(let isTrimmed): [.content(isTrimmed: isTrimmed)]
      }
    }
    guard Self.isEnclosed(turn, tokenizer) else {
      throw Self.unsupported("does not enclose each message in control tokens of the vocabulary")
    }
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

  private static func unsupported(_ what: String) -> TransformerError {
    TransformerError(
      .unsupportedFile,
      "metadata 'tokenizer.chat_template' \(what); supported are templates in the form of ChatML: "
        + "a loop over messages that writes role and content between control tokens, with an "
        + "optional default system turn before and an optional generation prompt after")
  }

  /// The tokens of a conversation.
  ///
  /// - Parameters:
  ///   - turns: in order
  ///   - addGenerationPrompt: whether the model is to answer now
  ///   - tokenizer: the one this template was made with
  package func tokens(
    for turns: [ChatTurn], addGenerationPrompt: Bool, tokenizer: Tokenizer
  ) -> [Token] {
    var segments: [PromptSegment] = []
    if let begin = tokenizer.beginOfText { segments.append(.control(begin)) }
    if let first = turns.first, first.role != .system { segments += defaultTurn }
    for turn in turns {
      segments += self.turn.map { piece in
        switch piece {
        case .fixed(let segment): segment
        case .role: .text(turn.role.rawValue)
        case .content(let isTrimmed): .text(isTrimmed ? Self.trimmed(turn.content) : turn.content)
        }
      }
    }
    if addGenerationPrompt { segments += generationPrompt }
    return tokenizer.encode(segments)
  }

  private static func trimmed(_ text: String) -> String {
    var scalars = text.unicodeScalars[...]
    while scalars.first?.properties.isWhitespace == true { scalars.removeFirst() }
    while scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
    return String(scalars)
  }
}
