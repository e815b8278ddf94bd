/// A piece of a prompt: a control token that we put there, or text that cannot contain any.
package enum PromptSegment: Hashable, Sendable {
  case control(Token)
  case text(String)
}

extension Tokenizer {
  /// Takes text of our own apart at the special tokens that it spells.
  ///
  /// Never for text from outside, whose spellings of control tokens are to stay characters.
  package func segments(of text: String) -> [PromptSegment] {
    var text = text
    return text.withUTF8 { bytes in
      var segments: [PromptSegment] = []
      func append(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        segments.append(.text(String(decoding: bytes[range], as: UTF8.self)))
      }
      var start = 0
      while let found = specialTokens.next(in: bytes, from: start) {
        append(start..<found.range.lowerBound)
        segments.append(.control(found.token))
        start = found.range.upperBound
      }
      append(start..<bytes.count)
      return segments
    }
  }

  /// The tokens of a prompt. Text between two control tokens is encoded as one, wherever its
  /// pieces came from, because words may reach over their seams.
  package func encode(_ segments: some Sequence<PromptSegment>) -> [Token] {
    var tokens: [Token] = []
    var text = ""
    for segment in segments {
      switch segment {
      case .text(let more): text += more
      case .control(let token):
        tokens += encode(text, special: false)
        tokens.append(token)
        text = ""
      }
    }
    return tokens + encode(text, special: false)
  }
}
