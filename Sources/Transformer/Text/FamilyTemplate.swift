/// A family's way to write conversations, with the tokens of one vocabulary.
struct FamilyTemplate: Sendable {
  private struct Frame: Sendable {
    var before: [PromptSegment]
    var after: [PromptSegment]
  }

  private let family: ChatFamily
  private let begin: [PromptSegment]
  private let user: Frame
  private let assistant: Frame
  private let tool: Frame?
  private let system: Frame?
  /// What is written in the place of a system message that is missing; `nil` for nothing.
  private let defaultSystem: [PromptSegment]?
  private let generationPrompt: [PromptSegment]
  /// Marks of turns that are only words to this vocabulary.
  private let fences: [String]

  /// - Parameters:
  ///   - parts: of the template, which may spell the default system message
  ///   - endOfText: what the file calls so; what is known of the vocabulary otherwise
  init(
    _ family: ChatFamily, parts: [TemplatePart], tokenizer: Tokenizer, endOfText: Token?
  ) {
    self.family = family
    let end = (endOfText ?? tokenizer.endOfGeneration.min()).map { [PromptSegment.control($0)] }
    func frame(_ frame: ChatFamily.Frame) -> Frame {
      var after = tokenizer.segments(of: frame.after)
      if let rest = frame.afterEnd { after += (end ?? []) + tokenizer.segments(of: rest) }
      return Frame(before: tokenizer.segments(of: frame.before), after: after)
    }
    begin =
      family.beginsTurns ? tokenizer.beginOfText.map { [PromptSegment.control($0)] } ?? [] : []
    user = frame(family.user)
    assistant = frame(family.assistant)
    tool = family.tool.map(frame)
    switch family.system {
    case .refused: (system, defaultSystem) = (nil, nil)
    case .turn(let turn), .inside(let turn, _): (system, defaultSystem) = (frame(turn), nil)
    case .always(let turn, let text):
      system = frame(turn)
      let spelled = text.map { turn.before + $0 + turn.after } ?? Self.turn(turn, spelledIn: parts)
      defaultSystem = spelled.map(tokenizer.segments(of:))
    }
    generationPrompt = tokenizer.segments(of: family.generationPrompt)
    fences = family.fences.filter { fence in
      let segments = tokenizer.segments(of: fence)
      guard segments.count == 1, case .control(let token) = segments[0] else { return true }
      return !tokenizer.isControl(token)
    }
  }

  /// A whole turn that a template spells in one string.
  private static func turn(_ frame: ChatFamily.Frame, spelledIn parts: [TemplatePart]) -> String? {
    ChatFamily.strings(of: parts).first {
      $0.hasPrefix(frame.before) && $0.hasSuffix(frame.after)
        && $0.utf8.count > frame.before.utf8.count + frame.after.utf8.count
    }
  }

  func segments(
    for turns: [ChatTurn], addGenerationPrompt: Bool
  ) throws(TransformerError) -> [PromptSegment] {
    for turn in turns { try check(turn.content) }
    var rest = turns[...]
    var segments: [PromptSegment] = []
    // What goes inside of a turn of the user's, and of which.
    var inside: (segments: [PromptSegment], index: Int)?
    if let first = rest.first, first.role == .system {
      rest.removeFirst()
      guard let system else { throw refusal("has no place for a system message") }
      let written = written(first, in: system)
      if case .inside(_, let last) = family.system {
        guard let index = last ? rest.indices.last : rest.indices.first,
          rest[index].role == .user
        else { throw refusal("writes a system message only with one of the user's") }
        inside = (written, index)
      } else {
        segments += written
      }
    } else {
      segments += defaultSystem ?? []
    }
    for index in rest.indices {
      let place = index - rest.startIndex
      if family.alternates, (rest[index].role == .user) != place.isMultiple(of: 2) {
        throw refusal("wants messages of user and assistant in turns, the user's first")
      }
      let begin = place > 0 && rest[index].role == .user ? begin : []
      segments +=
        begin
        + (try turn(rest[index], with: inside.flatMap { $0.index == index ? $0.segments : nil }))
    }
    return addGenerationPrompt ? segments + generationPrompt : segments
  }

  private func turn(
    _ turn: ChatTurn, with system: [PromptSegment]?
  ) throws(TransformerError) -> [PromptSegment] {
    switch turn.role {
    case .user:
      guard let system else { return written(turn, in: user) }
      guard family.trimsTogether else {
        return user.before + system + written(turn, in: Frame(before: [], after: user.after))
      }
      return user.before + system + [.text(turn.content.trimmedAtEnd)] + user.after
    case .assistant: return written(turn, in: assistant)
    case .tool:
      guard let tool else { throw refusal("has no place for the answer of a tool") }
      return written(turn, in: tool)
    case .system:
      guard let system = self.system, case .turn = family.system else {
        throw refusal("takes a system message only as the first")
      }
      return written(turn, in: system)
    }
  }

  private func written(_ turn: ChatTurn, in frame: Frame) -> [PromptSegment] {
    let text = family.trims.contains(turn.role) ? turn.content.trimmed : turn.content
    return frame.before + [.text(text)] + frame.after
  }

  private func check(_ content: String) throws(TransformerError) {
    // By bytes, as tokenizers read: with an accent behind it a mark is another character, and still
    // a mark.
    guard let fence = fences.first(where: { content.utf8.contains($0.utf8) }) else { return }
    throw TransformerError(
      .invalidRequest,
      "a message spells '\(fence)', which this model reads as the mark of a turn; leave it out")
  }

  private func refusal(_ what: String) -> TransformerError {
    TransformerError(.invalidRequest, "this model's chat template (\(family.name)) \(what)")
  }
}
