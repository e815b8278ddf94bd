/// How servers spell single tokens, and what can be told from it.
///
/// A token need not be text: one of several that make up a character is spelled `U+FFFD`. And a
/// vocabulary of pieces (SentencePiece) loses the blank before a word when a token is decoded by
/// itself. So spellings are compared without white space, and `U+FFFD` stands for anything.
enum TokenSpelling {
  /// Whether two spellings may be of one token.
  static func isSame(_ one: String, _ other: String) -> Bool {
    let (one, other) = (marks(of: one), marks(of: other))
    return one == other || one.contains(unknown) || other.contains(unknown)
  }

  /// Whether tokens may be those of `text`: their spellings, one after the other, are its
  /// characters, all of them and no others.
  static func spell(_ tokens: [String], _ text: String) -> Bool {
    // In the text itself, too, the mark may stand for bytes that are no character.
    var rest = marks(of: text).filter { $0 != unknown }[...]
    let written = tokens.flatMap(marks)
    let pieces = written.split(separator: unknown)
    guard let first = pieces.first, let last = pieces.last else {
      return rest.isEmpty || written.contains(unknown)
    }
    if written.first != unknown {
      guard rest.starts(with: first) else { return false }
    }
    if written.last != unknown {
      guard rest.reversed().starts(with: last.reversed()) else { return false }
    }
    if pieces.count == 1, written.first != unknown, written.last != unknown {
      return rest.elementsEqual(first)
    }
    // Each piece at its first place behind the one before; the last one may end the text.
    for (index, piece) in pieces.enumerated() {
      let isLast = index == pieces.count - 1 && written.last != unknown
      let place = isLast ? place(ofLast: piece, in: rest) : place(of: piece, in: rest)
      guard let place else { return false }
      rest = rest[(place + piece.count)...]
    }
    return true
  }

  private static let unknown: Unicode.Scalar = "\u{FFFD}"

  private static func marks(of text: String) -> [Unicode.Scalar] {
    text.unicodeScalars.filter { !$0.properties.isWhitespace }
  }

  private static func place(
    of piece: ArraySlice<Unicode.Scalar>, in text: ArraySlice<Unicode.Scalar>
  ) -> Int? {
    guard text.count >= piece.count else { return nil }
    return (text.startIndex...text.endIndex - piece.count).first {
      text[$0...].starts(with: piece)
    }
  }

  private static func place(
    ofLast piece: ArraySlice<Unicode.Scalar>, in text: ArraySlice<Unicode.Scalar>
  ) -> Int? {
    let place = text.endIndex - piece.count
    guard place >= text.startIndex, text[place...].elementsEqual(piece) else { return nil }
    return place
  }
}
