/// A text as a row of words, in the two ways in which the field compares texts.
///
/// Where a script writes no spaces (Chinese, Japanese, Thai) each character is a word, as in MLQA's
/// segmentation (Lewis et al. 2020): else a whole sentence would be one.
enum AnswerWords {
  /// Words of one text that comparisons look at. What stands behind is not compared: two answers
  /// that go together so far are taken to go on so. Bounds the time of ``LongestCommonSubsequence``
  /// to about a quarter of a million steps.
  static let limit = 4_096

  /// Runs of letters and digits in lower case, at most `limit`: for English what rouge-score splits
  /// into, which drops letters beyond ASCII.
  static func runs(of text: String, limit: Int = limit) -> [Substring] {
    var words: [Substring] = []
    let lower = text.lowercased()
    let scalars = lower.unicodeScalars
    var start: String.Index?
    var index = scalars.startIndex
    while index < scalars.endIndex, words.count < limit {
      let scalar = scalars[index]
      let next = scalars.index(after: index)
      if !scalar.isPartOfWord || scalar.isWordByItself {
        if let begin = start { words.append(lower[begin..<index]) }
        start = nil
        if scalar.isWordByItself, words.count < limit { words.append(lower[index..<next]) }
      } else if start == nil {
        start = index
      }
      index = next
    }
    if let begin = start, words.count < limit { words.append(lower[begin...]) }
    return words
  }

  /// How many ``runs(of:limit:)`` there are, without a limit and without keeping them.
  static func count(in text: String) -> Int {
    var count = 0
    var isInWord = false
    for scalar in text.unicodeScalars {
      let isByItself = scalar.isWordByItself
      let isPart = scalar.isPartOfWord && !isByItself
      if isByItself || isPart && !isInWord { count += 1 }
      isInWord = isPart
    }
    return count
  }

  /// What SQuAD's evaluation compares: lower case, without punctuation and English articles, split
  /// at white space. Punctuation falls out and joins what it stood between.
  static func normalised(_ text: String, limit: Int = .max) -> [String] {
    var words: [String] = []
    var word = String.UnicodeScalarView()
    func close() {
      defer { word.removeAll(keepingCapacity: true) }
      let text = String(word)
      guard !text.isEmpty, !articles.contains(text), words.count < limit else { return }
      words.append(text)
    }
    for scalar in text.lowercased().unicodeScalars {
      if words.count >= limit { return words }
      if scalar.properties.isWhitespace {
        close()
      } else if scalar.isWordByItself {
        close()
        word.append(scalar)
        close()
      } else if !scalar.isPunctuation {
        word.append(scalar)
      }
    }
    close()
    return words
  }

  private static let articles: Set<String> = ["a", "an", "the"]
}

extension Unicode.Scalar {
  /// A letter, a mark on one, or a digit.
  fileprivate var isPartOfWord: Bool {
    if isASCII { return (0x61...0x7A).contains(value | 0x20) || (0x30...0x39).contains(value) }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter,
      .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .letterNumber, .otherNumber:
      return true
    default: return false
    }
  }

  /// Of a script without spaces: Thai and its neighbours, kana, ideographs.
  fileprivate var isWordByItself: Bool {
    switch value {
    case 0x0E00...0x0EFF, 0x1000...0x109F, 0x1780...0x17FF, 0x3041...0x30FF, 0x3400...0x4DBF,
      0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF:
      isPartOfWord
    default: false
    }
  }

  /// What Python calls punctuation in ASCII, and Unicode's beyond.
  fileprivate var isPunctuation: Bool {
    if isASCII {
      return (0x21...0x2F).contains(value) || (0x3A...0x40).contains(value)
        || (0x5B...0x60).contains(value) || (0x7B...0x7E).contains(value)
    }
    switch properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }
}
