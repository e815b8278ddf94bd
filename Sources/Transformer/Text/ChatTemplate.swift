/// How a model wants a conversation written down.
///
/// Files carry their template as a Jinja program. Programs from files are not run here: a template
/// is *recognised*, by its structure (``UniformTemplate``: ChatML and its like) or by the marks of
/// turns that it spells (``ChatFamily``), and refused otherwise. Rendering yields tokens, not text:
/// control tokens come from the template alone, so that a message that spells `<|im_end|>` says
/// just these characters.
package struct ChatTemplate: Sendable {
  static let longestTemplate = 64 << 10

  private enum Kind {
    case uniform(UniformTemplate)
    case family(FamilyTemplate)
  }

  private let kind: Kind

  /// Recognises the template in a file's metadata.
  ///
  /// - Throws: `unsupportedFile` if there is no template, or one that is not known.
  package init(_ file: GGUFFile, tokenizer: Tokenizer) throws(TransformerError) {
    guard let source = try file.string("tokenizer.chat_template") else {
      throw TransformerError(
        .unsupportedFile,
        "metadata 'tokenizer.chat_template' is missing: the model was not made for conversations; "
          + "complete plain text with it, or use its instruction-tuned version")
    }
    let end = try file.integer("tokenizer.ggml.eos_token_id").map { Token($0) }
    try self.init(source: source, tokenizer: tokenizer, endOfText: end)
  }

  /// - Parameter endOfText: what the file calls so; some templates end turns with it
  init(
    source: String, tokenizer: Tokenizer, endOfText: Token? = nil
  ) throws(TransformerError) {
    guard source.utf8.count <= Self.longestTemplate, let parts = TemplateScanner.parts(of: source)
    else { throw Self.unsupported("cannot be read as a template") }
    if let shape = ChatTemplateShape(parts) {
      guard let template = UniformTemplate(shape, tokenizer: tokenizer) else {
        throw Self.unsupported("does not enclose each message in control tokens of the vocabulary")
      }
      kind = .uniform(template)
      return
    }
    guard let family = ChatFamily.known.first(where: { $0.isSpelled(in: parts) }) else {
      throw Self.unsupported("is none that is known")
    }
    kind = .family(
      FamilyTemplate(family, parts: parts, tokenizer: tokenizer, endOfText: endOfText))
  }

  private static func unsupported(_ what: String) -> TransformerError {
    let families = ChatFamily.known.map(\.name).joined(separator: ", ")
    return TransformerError(
      .unsupportedFile,
      "metadata 'tokenizer.chat_template' \(what); known are templates in the form of ChatML (a "
        + "loop over messages that writes role and content between control tokens, with an "
        + "optional default system turn before and an optional generation prompt after), and those "
        + "of \(families)")
  }

  /// The tokens of a conversation.
  ///
  /// - Parameters:
  ///   - turns: in order
  ///   - addGenerationPrompt: whether the model is to answer now
  ///   - tokenizer: the one this template was made with
  /// - Throws: `invalidRequest` for turns that the template does not write
  package func tokens(
    for turns: [ChatTurn], addGenerationPrompt: Bool, tokenizer: Tokenizer
  ) throws(TransformerError) -> [Token] {
    let begin = tokenizer.beginOfText.map { [PromptSegment.control($0)] } ?? []
    switch kind {
    case .uniform(let template):
      return tokenizer.encode(
        begin + template.segments(for: turns, addGenerationPrompt: addGenerationPrompt))
    case .family(let template):
      return tokenizer.encode(
        begin + (try template.segments(for: turns, addGenerationPrompt: addGenerationPrompt)))
    }
  }

  /// The tokens of a conversation with an answer that has begun: its own tokens follow those that
  /// make the model speak, as they do while the model gives it. A template that trims answers once
  /// they are given does not trim this one.
  ///
  /// - Parameters:
  ///   - turns: what was said before
  ///   - answer: what the model has said so far
  ///   - tokenizer: the one this template was made with
  /// - Throws: `invalidRequest` for turns that the template does not write, the answer's included
  package func tokens(
    for turns: [ChatTurn], answeredBy answer: String, tokenizer: Tokenizer
  ) throws(TransformerError) -> [Token] {
    if case .family(let template) = kind {
      // Refuses an answer that spells the mark of a turn.
      let whole = turns + [ChatTurn(role: .assistant, content: answer)]
      _ = try template.segments(for: whole, addGenerationPrompt: false)
    }
    return try tokens(for: turns, addGenerationPrompt: true, tokenizer: tokenizer)
      + tokenizer.encode(answer, special: false)
  }
}
