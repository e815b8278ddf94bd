import Foundation
import Testing

@testable import OpenAIAPI

// Seeded mutations of real-shaped documents. Each test says what must hold whatever comes in; a
// crash or a hang fails the run by itself. About two seconds each in a debug build.
struct FuzzTests {
  private static let documents = [
    "chat-request-minimal.json", "chat-request-full.json", "chat-request-python.json",
    "completion-request.json", "chat-completion.json", "completion.json", "model-list.json",
  ]

  private static let tokens: [[UInt8]] =
    [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "\\ude00", "null", "true",
      "-", "1e400", "-0", "0.5e-3", "9223372036854775808", "1e", "NaN", "//", "\u{FEFF}", "\0",
      "\n",
      "\"model\"", "\"mod\\u0065l\"", "\"n\"", "\"stream\":true", "[[[[[[[[", "{\"a\":",
    ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0xED, 0xA0, 0x80], [0x80], [0x1F]]

  /// A document with one or two changes: a letter or digit for another (half of all, for these
  /// often stay valid), a byte, a bit, a cut, a repetition, a token in between.
  private static func mutated(_ document: [UInt8], using random: inout Seeded) -> [UInt8] {
    var bytes = document
    for _ in 0..<Int.random(in: 1...2, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      let end = min(bytes.count, place + Int.random(in: 1...40, using: &random))
      switch Int.random(in: 0..<12, using: &random) {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
      case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes.removeSubrange(place..<end)
      case 3: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
      case 4: bytes.removeLast(bytes.count - place)
      case 5:
        let token = tokens[Int.random(in: 0..<tokens.count, using: &random)]
        bytes.insert(contentsOf: token, at: place)
      default:
        switch bytes[place] {
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
          bytes[place] = UInt8.random(in: 0x30...0x39, using: &random)
        case UInt8(ascii: "a")...UInt8(ascii: "z"):
          bytes[place] = UInt8.random(in: 0x61...0x7A, using: &random)
        default: break
        }
      }
    }
    return bytes
  }

  @Test func `the reader accepts nothing that Foundation refuses and refuses only by rule`() throws
  {
    // What we refuse on purpose and Foundation accepts; everything else must be agreed on.
    let stricter: Set<JSONError.Code> = [
      .duplicateKey, .trailingComma, .nul, .byteOrderMark, .numberOutOfRange, .depthExceeded,
      .loneSurrogate, .notANumber, .empty,
    ]
    let documents = try FuzzTests.documents.map { try Fixture.bytes($0) }
    var random = Seeded(1)
    var accepted = 0
    for round in 0..<6_000 {
      let bytes = FuzzTests.mutated(documents[round % documents.count], using: &random)
      let foundation = try? JSONSerialization.jsonObject(
        with: Data(bytes), options: .fragmentsAllowed)
      do {
        let value = try JSONValue(parsing: bytes)
        accepted += 1
        #expect(foundation != nil, "\(text(bytes))")
        let written = value.encoded()
        #expect(try JSONValue(parsing: written) == value)
      } catch {
        #expect((0...bytes.count).contains(error.offset))
        #expect(error.line >= 1 && error.column >= 1)
        if !stricter.contains(error.code) { #expect(foundation == nil, "\(error) \(text(bytes))") }
      }
    }
    // Enough of both, or the mutations test nothing.
    #expect((500..<5_500).contains(accepted), "\(accepted) accepted")
  }

  @Test func `a request is refused with a place or survives being written and read again`() throws {
    let documents = try FuzzTests.documents.prefix(4).map { try Fixture.bytes($0) }
    var random = Seeded(2)
    var accepted = 0
    for round in 0..<6_000 {
      let bytes = FuzzTests.mutated(documents[round % documents.count], using: &random)
      let isChat = round % documents.count != 3
      let chat: ChatCompletionRequest?
      let completion: CompletionRequest?
      do {
        chat = isChat ? try ChatCompletionRequest(decoding: bytes) : nil
        completion = isChat ? nil : try CompletionRequest(decoding: bytes)
        accepted += 1
      } catch {
        #expect(error.status == 400)
        #expect(error.code != nil)
        #expect(error.message.utf8.count < 500)
        continue
      }
      if let chat {
        #expect(try ChatCompletionRequest(decoding: chat.encoded()) == chat)
        if let shadow = chat.sanitisedForShadow() {
          #expect(try ChatCompletionRequest(decoding: shadow.encoded()) == shadow)
        }
      }
      if let completion {
        #expect(try CompletionRequest(decoding: completion.encoded()) == completion)
      }
    }
    #expect((500..<5_500).contains(accepted), "\(accepted) accepted")
  }

  @Test func `an upstream's answer is refused as such or survives being written and read again`()
    throws
  {
    let chat = try Fixture.bytes("chat-completion.json")
    let completion = try Fixture.bytes("completion.json")
    var random = Seeded(4)
    for round in 0..<3_000 {
      let isChat = round.isMultiple(of: 2)
      let bytes = FuzzTests.mutated(isChat ? chat : completion, using: &random)
      let written: [UInt8]
      do {
        written =
          isChat
          ? try ChatCompletion(decoding: bytes).encoded()
          : try Completion(decoding: bytes).encoded()
      } catch {
        #expect(error.status == 502 && error.code == "malformed")
        continue
      }
      // Not compared as values: a logarithm below the API's floor is written as the floor.
      let again =
        isChat
        ? try ChatCompletion(decoding: written).encoded()
        : try Completion(decoding: written).encoded()
      #expect(again == written, "\(text(bytes))")
    }
  }

  @Test func `a broken stream gives the same events and the same end however it is cut`() throws {
    let stream = try Fixture.raw("chat-stream.txt")
    var random = Seeded(5)
    for _ in 0..<300 {
      let bytes = FuzzTests.mutated(stream, using: &random)
      let whole = FuzzTests.read([bytes])
      var pieces: [[UInt8]] = []
      var rest = bytes[...]
      while !rest.isEmpty {
        pieces.append(Array(rest.prefix(Int.random(in: 1...300, using: &random))))
        rest = rest.dropFirst(pieces.last?.count ?? 0)
      }
      let cut = FuzzTests.read(pieces)
      #expect(cut.events == whole.events)
      #expect(cut.error == whole.error)
      for event in whole.events where !event.isDone {
        do { _ = try ChatCompletionChunk(decoding: event.data) } catch {
          #expect((400...599).contains(error.status))
        }
      }
    }
  }

  /// What a parser with narrow bounds makes of these pieces.
  private static func read(
    _ pieces: [[UInt8]]
  ) -> (events: [ServerSentEvent], error: ServerSentEventError?) {
    var parser = ServerSentEventParser(maximumLineBytes: 420, maximumEventBytes: 400)
    var events: [ServerSentEvent] = []
    for piece in pieces {
      do { try parser.parse(piece, into: &events) } catch { return (events, error) }
    }
    return (events, nil)
  }
}
