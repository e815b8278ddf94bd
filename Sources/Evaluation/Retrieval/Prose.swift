/// A natural text as sentences, in which a fact can stand between any two.
package struct Prose: Hashable, Sendable {
  /// Without space around them; none is empty.
  package let sentences: [String]

  /// What ends with a full stop and is no end of a sentence.
  private static let abbreviations: Set<Substring> = ["Mr", "Mrs", "Dr", "St", "Esq", "Messrs"]
  private static let ends: Set<Character> = [".", "!", "?"]
  private static let quotes: Set<Character> = ["\"", "'", "”", "’", ")"]

  /// Cuts texts into sentences, one text after the other.
  package init(_ texts: [String]) {
    sentences = texts.flatMap { text in
      // A blank line ends a sentence, whatever stands before it: headings have no full stop.
      text.split(separator: "\n").flatMap(Self.sentences)
    }
  }

  private static func sentences(of line: Substring) -> [String] {
    var found: [String] = []
    var sentence: [Substring] = []
    for word in line.split(whereSeparator: \.isWhitespace) {
      sentence.append(word)
      let bare = word[
        ..<(word.lastIndex { !quotes.contains($0) }.map(word.index(after:))
          ?? word.startIndex)]
      guard let last = bare.last, ends.contains(last),
        !abbreviations.contains(bare.dropLast().drop { !$0.isLetter })
      else { continue }
      found.append(sentence.joined(separator: " "))
      sentence = []
    }
    if !sentence.isEmpty { found.append(sentence.joined(separator: " ")) }
    return found
  }
}
