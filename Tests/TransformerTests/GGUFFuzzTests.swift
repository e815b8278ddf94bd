import Foundation
import Testing

@testable import Transformer

/// `ROLLOUT_FUZZ_CASES` sets how many mutations are tried.
struct `A mutated file` {
  private static let cases =
    ProcessInfo.processInfo.environment["ROLLOUT_FUZZ_CASES"].flatMap(Int.init) ?? 20_000

  @Test func `is read soundly or refused`() {
    let seedBytes = `A lying file is refused`.sound().bytes
    var refusals = 0
    for seed in 0..<UInt64(Self.cases) {
      var random = SplitMix64(seed: seed)
      let bytes = random.mutated(seedBytes)
      do throws(GGUFHeaderFailure) {
        let header = try GGUFHeader(bytes: bytes, fileByteCount: bytes.count)
        Self.check(header, fileByteCount: bytes.count, seed: seed)
      } catch {
        refusals += 1
        if case .needsMore = error { Issue.record("seed \(seed): all bytes were there") }
      }
    }
    // Mutations that hit only numbers pass; most hit the header.
    #expect(refusals > Self.cases / 4 && refusals < Self.cases)
  }

  private static func check(_ header: GGUFHeader, fileByteCount: Int, seed: UInt64) {
    var end = 0
    for tensor in header.tensors.values.sorted(by: { $0.offset < $1.offset }) {
      #expect(tensor.offset >= end, "seed \(seed)")
      #expect(tensor.byteCount > 0, "seed \(seed)")
      end = tensor.offset + tensor.byteCount
    }
    #expect(end <= fileByteCount, "seed \(seed)")
    // Walking over arrays stays inside them.
    for case .array(let array) in header.metadata.values {
      var count = 0
      array.forEachString { index, _ in count = index + 1 }
      #expect(array.elementType != .string || count == array.count, "seed \(seed)")
    }
  }

  @Test func `gives a tokenizer that works or is refused`() throws {
    let sound = TokenizerFile.sound()
    let seedBytes = sound.bytes
    let opened = try openGGUF(seedBytes).file
    var made = 0
    let cases = UInt64(Self.cases / 10)
    for seed in 0..<cases {
      var random = SplitMix64(seed: seed)
      let bytes = random.mutated(seedBytes)
      guard let header = try? GGUFHeader(bytes: bytes, fileByteCount: bytes.count) else { continue }
      let file = GGUFFile(metadata: header.metadata, tensors: [:], file: opened)
      guard let tokenizer = try? Tokenizer(file) else { continue }
      made += 1
      let tokens = tokenizer.encode("the <s>the</s> aß1", special: true)
      #expect(tokens.allSatisfy { (0..<Token(tokenizer.vocabularySize)).contains($0) })
      _ = tokens.map(tokenizer.bytes(of:))
      if let template = try? ChatTemplate(file, tokenizer: tokenizer) {
        _ = try? template.tokens(
          for: [.init(role: .user, content: "hi")], addGenerationPrompt: true, tokenizer: tokenizer)
      }
    }
    // About one in twenty changes hits nothing that matters.
    #expect(made > cases / 40)
  }
}

extension SplitMix64 {
  /// `bytes` with one to four changes of the kinds that break readers.
  fileprivate mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...next() % 4 where !bytes.isEmpty {
      let place = Int(next() % UInt64(bytes.count))
      let end = min(bytes.count, place + 1 + Int(next() % 16))
      switch next() % 8 {
      case 0: bytes[place] ^= 1 << UInt8(next() % 8)
      case 1: bytes[place] = UInt8(truncatingIfNeeded: next())
      case 2, 3:
        let values: [UInt64] = [
          0, 1, 0x7F, 0xFF, 1 << 16, 1 << 31, 1 << 32 - 1, 1 << 60, 1 << 63, .max, .max - 31,
          UInt64(bytes.count),
        ]
        let value = GGUFBuilder.little(values[Int(next() % UInt64(values.count))])
        for (index, byte) in zip(place..<end, value) { bytes[index] = byte }
      case 4: bytes.removeSubrange(place..<end)
      case 5: bytes.insert(contentsOf: bytes[place..<end], at: place)
      case 6: bytes.removeSubrange(place...)
      default: bytes.swapAt(place, Int(next() % UInt64(bytes.count)))
      }
    }
    return bytes
  }
}
