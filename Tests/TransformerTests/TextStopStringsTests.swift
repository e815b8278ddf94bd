import Testing

@testable import Transformer

struct `Stop strings` {
  @Test func `text before the stop string is shown, and nothing after it`() throws {
    var stops = try StopStrings(["\n\n"])
    #expect(stops.append("One") == .init(text: "One", stopped: false))
    #expect(stops.append(" two\n") == .init(text: " two", stopped: false))
    #expect(stops.append("\nthree") == .init(text: "", stopped: true))
    #expect(stops.append("four") == .init(text: "", stopped: true))
    #expect(stops.finish() == "")
  }

  @Test func `what only looked like a stop string is shown once it cannot become one`() throws {
    var stops = try StopStrings(["aab"])
    #expect(stops.append("aa").text == "")
    // Of "aaa" the last two may still begin a stop string.
    #expect(stops.append("a").text == "a")
    #expect(stops.append("c").text == "aac")
  }

  @Test func `what is held back at the end of generation is shown then`() throws {
    var stops = try StopStrings(["User:"])
    #expect(stops.append("Ask the Use").text == "Ask the ")
    #expect(stops.finish() == "Use")
  }

  @Test func `the stop string that is complete first ends the text`() throws {
    var stops = try StopStrings(["abcd", "bc"])
    #expect(stops.append("xabcd") == .init(text: "xa", stopped: true))
    // Of two complete at once the longer one, so that none of it was shown.
    var nested = try StopStrings(["c", "abc"])
    #expect(nested.append("xabc") == .init(text: "x", stopped: true))
  }

  @Test func `a stop string of several bytes per character is found across portions`() throws {
    var stops = try StopStrings(["🛑停"])
    #expect(stops.append("go 🛑").text == "go ")
    #expect(stops.append("停!") == .init(text: "", stopped: true))
  }

  @Test func `without stop strings everything passes at once`() throws {
    var stops = try StopStrings([])
    #expect(stops.append("anything") == .init(text: "anything", stopped: false))
  }

  @Test func `empty, overlong and too many stop strings are refused`() {
    for strings in [
      [""], ["a", ""], [String(repeating: "x", count: 1_025)], [String](repeating: "x", count: 17),
    ] {
      #expect { try StopStrings(strings) } throws: {
        ($0 as? TransformerError)?.code == .invalidRequest
      }
    }
  }

  @Test func `any portions give the same outcome as a search in the whole text`() throws {
    var random = SplitMix64(seed: 1)
    // Few different characters, so that near misses and overlaps abound.
    func word(_ length: Int) -> String {
      String((0..<length).map { _ in ["a", "b", "é"][Int(random.next() % 3)] as Character })
    }
    var stoppedCount = 0
    for _ in 0..<2_000 {
      let strings = (0...Int(random.next() % 3)).map { _ in word(1 + Int(random.next() % 5)) }
      let text = word(Int(random.next() % 30))
      let expected = Self.cut(Array(text.utf8), at: strings)
      var stops = try StopStrings(strings)
      var (shown, consumed, stopped) = ("", "", false)
      for portion in random.portions(of: Array(text)) where !stopped {
        let next = stops.append(String(portion))
        shown += next.text
        consumed += String(portion)
        stopped = next.stopped
        // Exactly the longest end that may still become a stop string is missing.
        let held = Self.longestBeginning(atEndOf: Array(consumed.utf8), of: strings)
        #expect(stopped || shown.utf8.count == consumed.utf8.count - held)
      }
      if !stopped { shown += stops.finish() }
      #expect(Array(shown.utf8) == expected ?? Array(text.utf8), "\(text) at \(strings)")
      #expect(stopped == (expected != nil), "\(text) at \(strings)")
      stoppedCount += stopped ? 1 : 0
    }
    // Both outcomes were really tried.
    #expect((200...1_800).contains(stoppedCount))
  }

  /// What stands before the stop string that is complete first, found by trying everything.
  private static func cut(_ text: [UInt8], at strings: [String]) -> [UInt8]? {
    for end in 0...text.count {
      let found = strings.filter { text[..<end].ends(with: Array($0.utf8)) }
      if let longest = found.map(\.utf8.count).max() { return Array(text[..<(end - longest)]) }
    }
    return nil
  }

  private static func longestBeginning(atEndOf text: [UInt8], of strings: [String]) -> Int {
    var longest = 0
    for string in strings {
      for count in 1..<max(string.utf8.count, 2) where count < string.utf8.count {
        if text[...].ends(with: Array(string.utf8.prefix(count))) { longest = max(longest, count) }
      }
    }
    return longest
  }
}

extension ArraySlice<UInt8> {
  fileprivate func ends(with other: [UInt8]) -> Bool {
    suffix(other.count).elementsEqual(other)
  }
}
