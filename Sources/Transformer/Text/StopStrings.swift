/// Ends a streamed text before the first of several stop strings, and never shows part of one.
///
///     var stops = try StopStrings(["\n\n", "User:"])
///     let now = stops.append(piece)      // show now.text; if now.stopped, that was all
///     let last = stops.finish()          // at the end of generation: what was held back
///
/// Of the text so far it holds back exactly the longest end that could still become a stop string,
/// at most the longest stop string less one byte. The stop string that is complete first ends the
/// text; of several complete at the same byte, the longest, so that nothing of it was shown. The
/// outcome does not depend on the portions in which the text arrives.
///
/// Strings are compared as UTF-8, byte by byte: a precomposed é does not stop at a combining one.
package struct StopStrings: Sendable {
  package static let maximumCount = 16
  package static let maximumBytes = 1_024

  /// Text, and whether it is the last because a stop string follows.
  package struct Portion: Hashable, Sendable {
    package let text: String
    package let stopped: Bool
  }

  private var searches: [Search]
  /// The end of the text so far that was not handed out yet.
  private var held: [UInt8] = []
  private var stopped = false

  /// - Throws: `invalidRequest` for more than 16 strings, an empty one, or one beyond 1,024 bytes.
  package init(_ strings: [String]) throws(TransformerError) {
    guard strings.count <= Self.maximumCount else {
      throw TransformerError(
        .invalidRequest, "stop has \(strings.count) strings; at most \(Self.maximumCount) may be")
    }
    for (index, string) in strings.enumerated()
    where !(1...Self.maximumBytes).contains(string.utf8.count) {
      throw TransformerError(
        .invalidRequest,
        "stop string \(index + 1) has \(string.utf8.count) bytes, not 1 to \(Self.maximumBytes)")
    }
    searches = strings.map { Search(Array($0.utf8)) }
  }

  /// Takes more text and returns what of all text can be shown now.
  ///
  /// After `stopped`, further text is ignored.
  package mutating func append(_ text: String) -> Portion {
    guard !stopped else { return Portion(text: "", stopped: true) }
    for byte in text.utf8 {
      held.append(byte)
      var longest = 0
      for index in searches.indices where searches[index].advance(byte) {
        longest = max(longest, searches[index].pattern.count)
      }
      if longest > 0 {
        stopped = true
        // Whatever came before the stop string was held for another one that now cannot come.
        held.removeLast(longest)
        return Portion(text: takeHeld(except: 0), stopped: true)
      }
    }
    return Portion(text: takeHeld(except: searches.map(\.matched).max() ?? 0), stopped: false)
  }

  /// Returns what was held back, now that no text follows. Nothing after a stop string.
  package mutating func finish() -> String {
    takeHeld(except: 0)
  }

  private mutating func takeHeld(except count: Int) -> String {
    let shown = held.count - count
    defer { held.removeFirst(shown) }
    return String(decoding: held[..<shown], as: UTF8.self)
  }
}

/// Knuth, Morris and Pratt's search for one pattern in a text that arrives byte by byte.
private struct Search: Sendable {
  let pattern: [UInt8]
  /// The length of the longest end of the text that the pattern begins with.
  private(set) var matched = 0
  /// For each beginning of the pattern, how long an end of it the pattern also begins with.
  private let borders: [Int]

  init(_ pattern: [UInt8]) {
    self.pattern = pattern
    var borders = [0]
    for byte in pattern.dropFirst() {
      let border = borders.count
      var length = borders[border - 1]
      while length > 0, pattern[length] != byte { length = borders[length - 1] }
      borders.append(pattern[length] == byte ? length + 1 : 0)
    }
    self.borders = borders
  }

  /// Takes one more byte; `true` if the text now ends with the pattern.
  mutating func advance(_ byte: UInt8) -> Bool {
    while matched > 0, pattern[matched] != byte { matched = borders[matched - 1] }
    if pattern[matched] == byte { matched += 1 }
    return matched == pattern.count
  }
}
