/// Cuts text into the words inside which byte pairs are merged.
///
/// Each rule is a pattern, matched from left to right:
///
///     gpt-2      's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///     llama-bpe  (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
///                | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
///     qwen2      the same with \p{N} instead of \p{N}{1,3}
///
/// `smollm` first cuts out each single number character, and GPT-2's pattern then sees only what
/// lies between those. `default` cuts out runs of punctuation (`[\p{P}$+<=>^~|]+`), applies GPT-2's
/// pattern between them, then cuts out `\p{N}+` and of those each `[0-9][0-9][0-9]`. Scanners by
/// hand do this in one pass, in linear time for any text.
package enum PreTokenizer: CaseIterable, Sendable {
  case gpt2
  case smollm
  case llama3
  case qwen2
  /// What llama.cpp takes where a file names no rule.
  case `default`

  /// The rule that a file calls `name`, or `nil`.
  init?(name: String) {
    guard let rule = Self.allCases.first(where: { $0.names.contains(name) }) else { return nil }
    self = rule
  }

  /// What files call the rule; the first is the commonest.
  var names: [String] {
    switch self {
    case .gpt2: ["gpt-2"]
    case .smollm: ["smollm"]
    case .llama3: ["llama-bpe", "llama3", "llama-v3"]
    case .qwen2: ["qwen2", "deepseek-r1-qwen"]
    case .default: ["default"]
    }
  }

  /// Calls `body` with the range of each word; together they are all of `text`.
  ///
  /// - Parameter text: valid UTF-8
  func forEachWord(in text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
    switch self {
    case .gpt2: Self.forEachWord(WordScanner(text: text, rule: .plain), body)
    case .smollm: Self.forEachWord(WordScanner(text: text, rule: .splitsNumbers), body)
    case .default: Self.forEachWord(WordScanner(text: text, rule: .splitsPunctuation), body)
    case .llama3: Self.forEachWord(LineWordScanner(text: text, numberLength: 3), body)
    case .qwen2: Self.forEachWord(LineWordScanner(text: text, numberLength: 1), body)
    }
  }

  private static func forEachWord(_ scanner: some WordScanning, _ body: (Range<Int>) -> Void) {
    var start = 0
    while start < scanner.text.count {
      let end = scanner.endOfWord(from: start)
      body(start..<end)
      start = end
    }
  }
}

/// Finds words by one pattern.
protocol WordScanning {
  /// Valid UTF-8.
  var text: UnsafeBufferPointer<UInt8> { get }

  /// The end of the word that begins at `start`, which is before the end of the text; beyond
  /// `start`.
  func endOfWord(from start: Int) -> Int
}

/// GPT-2's pattern, after what its rule has cut out.
private struct WordScanner: WordScanning {
  enum Rule {
    case plain, splitsNumbers, splitsPunctuation
  }

  let text: UnsafeBufferPointer<UInt8>
  let rule: Rule

  func endOfWord(from start: Int) -> Int {
    let first = text.character(at: start)
    switch rule {
    case .splitsNumbers where first.kind == .number: return start + first.length
    case .splitsPunctuation where first.kind == .number: return endOfDigits(from: start)
    case .splitsPunctuation where first.isPunctuation: return endOfPunctuation(from: start)
    default: break
    }
    if let end = text.endOfContraction(from: start, ignoringCase: false) { return end }
    if text[start] == UInt8(ascii: " ") {
      // " ?": one space goes with the letters, numbers or signs that follow.
      let following = text.character(at: start + 1)
      if rule == .splitsPunctuation, following.kind == .number { return start + 1 }
      return following.kind == .space || endsSegment(following)
        ? endOfSpaces(from: start) : endOfRun(of: following.kind, from: start + 1)
    }
    return first.kind == .space ? endOfSpaces(from: start) : endOfRun(of: first.kind, from: start)
  }

  private func endOfRun(of kind: TextCharacter.Kind, from start: Int) -> Int {
    var end = start
    while true {
      let character = text.character(at: end)
      guard character.kind == kind, !endsSegment(character) else { return end }
      end += character.length
    }
  }

  /// `\s+(?!\S)|\s+`: all spaces, but the last of several is left to the word that follows.
  private func endOfSpaces(from start: Int) -> Int {
    var beforeLast = start
    var end = start
    while true {
      let character = text.character(at: end)
      guard character.kind == .space else {
        return endsSegment(character) || beforeLast == start ? end : beforeLast
      }
      beforeLast = end
      end += character.length
    }
  }

  /// Whether the pattern sees nothing from here on.
  private func endsSegment(_ character: TextCharacter) -> Bool {
    switch rule {
    case .plain: character.kind == .end
    case .splitsNumbers: character.kind == .end || character.kind == .number
    case .splitsPunctuation: character.kind == .end || character.isPunctuation
    }
  }

  private func endOfPunctuation(from start: Int) -> Int {
    var end = start
    while true {
      let character = text.character(at: end)
      guard character.isPunctuation else { return end }
      end += character.length
    }
  }

  /// `[0-9][0-9][0-9]` at the beginning of a run of numbers, or what comes before the first one.
  private func endOfDigits(from start: Int) -> Int {
    var end = start
    while true {
      let character = text.character(at: end)
      guard character.kind == .number else { return end }
      if hasThreeDigits(at: end) { return end == start ? start + 3 : end }
      end += character.length
    }
  }

  private func hasThreeDigits(at start: Int) -> Bool {
    start + 3 <= text.count && text[start..<start + 3].allSatisfy { (0x30...0x39).contains($0) }
  }
}

/// The pattern of Llama 3 and Qwen 2, which keeps the ends of lines together.
private struct LineWordScanner: WordScanning {
  let text: UnsafeBufferPointer<UInt8>
  /// Number characters in a word.
  let numberLength: Int

  func endOfWord(from start: Int) -> Int {
    let first = text.character(at: start)
    if let end = text.endOfContraction(from: start, ignoringCase: true) { return end }
    if first.kind == .number { return endOfNumber(from: start) }
    if first.kind == .letter { return endOfRun(from: start) { $0.kind == .letter } }
    // `[^\r\n\p{L}\p{N}]?`: any one character goes with the letters that follow.
    let next = start + first.length
    if !isLineEnd(at: start), text.character(at: next).kind == .letter {
      return endOfRun(from: next) { $0.kind == .letter }
    }
    let sign = text[start] == UInt8(ascii: " ") ? next : start
    if text.character(at: sign).kind == .other {
      var end = endOfRun(from: sign) { $0.kind == .other }
      while isLineEnd(at: end) { end += 1 }
      return end
    }
    return endOfSpaces(from: start)
  }

  private func endOfNumber(from start: Int) -> Int {
    var end = start
    for _ in 0..<numberLength {
      let character = text.character(at: end)
      guard character.kind == .number else { break }
      end += character.length
    }
    return end
  }

  /// `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last end of a line; without one, all spaces, but the
  /// last of several is left to the word that follows.
  private func endOfSpaces(from start: Int) -> Int {
    var (beforeLast, end) = (start, start)
    var endOfLines: Int?
    while true {
      let character = text.character(at: end)
      guard character.kind == .space else {
        if let endOfLines { return endOfLines }
        return character.kind == .end || beforeLast == start ? end : beforeLast
      }
      if isLineEnd(at: end) { endOfLines = end + 1 }
      beforeLast = end
      end += character.length
    }
  }

  private func endOfRun(from start: Int, where belongs: (TextCharacter) -> Bool) -> Int {
    var end = start
    while true {
      let character = text.character(at: end)
      guard belongs(character) else { return end }
      end += character.length
    }
  }

  private func isLineEnd(at index: Int) -> Bool {
    index < text.count && (text[index] == 0x0A || text[index] == 0x0D)
  }
}
