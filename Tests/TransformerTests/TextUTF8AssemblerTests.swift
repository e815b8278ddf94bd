import Testing

@testable import Transformer

struct `Assembling UTF-8` {
  @Test func `a character waits for its last byte`() {
    var assembler = UTF8Assembler()
    #expect(assembler.append([0x61, 0xF0, 0x9F]) == "a")
    #expect(assembler.append([0x98]) == "")
    #expect(assembler.append([0x80, 0x62]) == "😀b")
    #expect(assembler.finish() == "")
  }

  @Test func `bytes that can belong to no character do not wait`() {
    for impossible: [UInt8] in [
      [0x80], [0xC0], [0xC1], [0xF5], [0xFF], [0xE0, 0x80], [0xED, 0xA0], [0xF0, 0x80],
      [0xF4, 0x90],
    ] {
      var assembler = UTF8Assembler()
      let text = assembler.append(impossible)
      #expect(text == String(decoding: impossible, as: UTF8.self), "\(impossible)")
      #expect(assembler.finish() == "", "\(impossible)")
    }
  }

  @Test func `what is cut off at the end becomes one replacement character`() {
    var assembler = UTF8Assembler()
    #expect(assembler.append([0xE2, 0x82]) == "")
    #expect(assembler.finish() == "\u{FFFD}")
    #expect(assembler.append([0x61]) == "a")
  }

  @Test func `any portions of any bytes give what decoding them all at once gives`() {
    var random = SplitMix64(seed: 2)
    // Leads, continuations and letters in proportions that make and break many characters.
    let alphabet: [UInt8] = [
      0x61, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC3, 0xE0, 0xE2, 0xED, 0xF0, 0xF3, 0xF4,
      0xF5,
    ]
    for _ in 0..<5_000 {
      let bytes = (0..<Int(random.next() % 24)).map { _ in alphabet[Int(random.next() % 16)] }
      var assembler = UTF8Assembler()
      var text = ""
      var consumed = 0
      for portion in random.portions(of: bytes) {
        text += assembler.append(portion)
        consumed += portion.count
        // At most three bytes wait: all others are shown, as themselves or as replacements.
        let atMost = String(decoding: bytes[..<consumed], as: UTF8.self).unicodeScalars.count
        #expect(text.unicodeScalars.count >= atMost - 1)
      }
      text += assembler.finish()
      #expect(Array(text.utf8) == Array(String(decoding: bytes, as: UTF8.self).utf8), "\(bytes)")
    }
  }
}
