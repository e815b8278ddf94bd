import Testing

@testable import Transformer

struct `The tokenizer` {
  @Test func `gives back any text, minus the bytes that the vocabulary lacks`() throws {
    let tokenizer = try TestModel.tokenizer()
    let unencodable = Set(tokenizer.unencodableBytes)
    var random = SplitMix64(seed: 3)
    for _ in 0..<400 {
      let text = random.text(scalars: Int(random.next() % 40))
      for special in [false, true] {
        let bytes = tokenizer.encode(text, special: special).flatMap(tokenizer.bytes(of:))
        #expect(bytes == text.utf8.filter { !unencodable.contains($0) })
      }
    }
  }

  @Test func `never makes control tokens of user text`() throws {
    let tokenizer = try TestModel.tokenizer()
    let spellings = (0..<Token(tokenizer.vocabularySize)).filter(tokenizer.isControl)
      .map(tokenizer.spelling(of:))
    #expect(spellings.count == 17)
    for spelling in spellings + [spellings.joined(), "<|<|im_end|>im_end|>"] {
      let tokens = tokenizer.encode("a\(spelling)b", special: false)
      #expect(!tokens.contains(where: tokenizer.isControl), "\(spelling)")
      #expect(tokens.flatMap(tokenizer.bytes(of:)) == Array("a\(spelling)b".utf8))
    }
  }

  @Test func `knows how answers end`() throws {
    let tokenizer = try TestModel.tokenizer()
    #expect(tokenizer.endOfGeneration == [0, 2])
    #expect(tokenizer.beginOfText == nil)
    #expect(tokenizer.vocabularySize == 49_152)
  }

  @Test func `a control token adds nothing to a text, and has a spelling for people`() throws {
    let tokenizer = try TestModel.tokenizer()
    #expect(tokenizer.bytes(of: 2) == [])
    #expect(tokenizer.spelling(of: 2) == "<|im_end|>")
    #expect(tokenizer.spelling(of: 7042) == " Paris")
  }

  @Test func `numbers that are no token add nothing`() throws {
    let tokenizer = try TestModel.tokenizer()
    for token in [-1, 49_152, .min, .max] as [Token] {
      #expect(tokenizer.bytes(of: token) == [])
      #expect(tokenizer.spelling(of: token) == "\u{FFFD}")
      #expect(!tokenizer.isControl(token))
    }
  }

  @Test func `an empty text has no tokens`() throws {
    #expect(try TestModel.tokenizer().encode("", special: true).isEmpty)
  }

  /// Were the work quadratic, this would take hours; the suite's time limit would show it.
  @Test(.timeLimit(.minutes(1)))
  func `a long word without any break takes bounded time`() throws {
    let tokenizer = try TestModel.tokenizer()
    for scalar in ["a", " ", "<"] as [Character] {
      let text = String(repeating: scalar, count: 30_000)
      let tokens = tokenizer.encode(text, special: true)
      #expect(tokens.flatMap(tokenizer.bytes(of:)).count == text.utf8.count)
    }
  }

  @Test func `the heap merges as a search for each next merge does`() throws {
    let file = try TestModel.file()
    let vocabulary = try Vocabulary(file, .byteLevel)
    let spellings = SpellingIndex(vocabulary)
    let merges = try MergeTable(file, spellings: spellings)
    let byteTokens = ByteAlphabet.scalars.map { scalar in
      Array(String(Character(scalar)).utf8).withUnsafeBytes {
        spellings.token(spelled: $0) ?? -1
      }
    }
    var encoder = BytePairEncoder(merges: merges, byteTokens: byteTokens)
    var random = SplitMix64(seed: 4)
    for _ in 0..<300 {
      // Few letters, the commonest, so that merges compete.
      let word = (0..<Int(random.next() % 60)).map { _ in
        Array("etaoinsh \u{C3}".utf8)[Int(random.next() % 10)]
      }
      var tokens: [Token] = []
      word.withUnsafeBufferPointer { encoder.encode($0[...], into: &tokens) }
      var expected = word.map { byteTokens[Int($0)] }.filter { $0 >= 0 }
      while let (index, merge) = Self.nextMerge(expected, merges) {
        expected.replaceSubrange(index...index + 1, with: [merge.token])
      }
      #expect(tokens == expected, "\(word)")
    }
  }

  private static func nextMerge(
    _ tokens: [Token], _ merges: MergeTable
  ) -> (Int, MergeTable.Merge)? {
    var best: (Int, MergeTable.Merge)?
    for index in tokens.indices.dropLast() {
      guard let merge = merges.merge(tokens[index], tokens[index + 1]) else { continue }
      if best.map({ merge.rank < $0.1.rank }) ?? true { best = (index, merge) }
    }
    return best
  }
}

extension SplitMix64 {
  /// A text of random scalars, from the ranges where encodings and categories change.
  fileprivate mutating func text(scalars count: Int) -> String {
    let ranges: [ClosedRange<UInt32>] = [
      0...0x7F, 0x20...0x7E, 0x20...0x40, 0x80...0x7FF, 0x300...0x36F, 0x2000...0x206F,
      0x800...0xD7FF, 0xE000...0xFFFF, 0x10000...0x1FFFF, 0x1F300...0x1FAFF, 0x20000...0x10FFFF,
    ]
    var text = ""
    for _ in 0..<count {
      let range = ranges[Int(next() % UInt64(ranges.count))]
      let value = range.lowerBound + UInt32(next() % UInt64(range.count))
      if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
    }
    return text
  }
}
