import Foundation
import Testing

@testable import OpenAIAPI

/// Golden files under `fixtures/openai`, found from this file's own place.
enum Fixture {
  static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "fixtures/openai")

  /// The bytes of a file, without the line end that editors add.
  static func bytes(_ name: String) throws -> [UInt8] {
    var bytes = [UInt8](try Data(contentsOf: folder.appending(path: name)))
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    return bytes
  }

  /// Expects these bytes to be those of a golden file. With `GOLDEN=rewrite` in the environment the
  /// file is written instead, for its difference to be read.
  static func expect(
    _ bytes: [UInt8], matches name: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    if ProcessInfo.processInfo.environment["GOLDEN"] == "rewrite" {
      try Data(bytes + [UInt8(ascii: "\n")]).write(to: folder.appending(path: name))
    }
    let golden = try Fixture.bytes(name)
    #expect(text(bytes) == text(golden), sourceLocation: sourceLocation)
  }

  /// The bytes of a file as they are.
  static func raw(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: folder.appending(path: name)))
  }
}

/// Pseudo-random numbers from a seed (SplitMix64), so that a failing run can be repeated.
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The error that reading this document gives, or `nil`.
func jsonError(_ document: [UInt8], limits: JSONLimits = .standard) -> JSONError? {
  do {
    _ = try JSONValue(parsing: document, limits: limits)
    return nil
  } catch { return error }
}

func jsonError(_ document: String, limits: JSONLimits = .standard) -> JSONError? {
  jsonError(Array(document.utf8), limits: limits)
}

func json(_ document: String) throws -> JSONValue {
  try JSONValue(parsing: Array(document.utf8))
}

/// The error that reading this chat request gives, or `nil`.
func chatError(_ body: String, limits: RequestLimits = .standard) -> APIError? {
  do {
    _ = try ChatCompletionRequest(decoding: Array(body.utf8), limits: limits)
    return nil
  } catch { return error }
}

/// The error that reading this completion request gives, or `nil`.
func completionError(_ body: String, limits: RequestLimits = .standard) -> APIError? {
  do {
    _ = try CompletionRequest(decoding: Array(body.utf8), limits: limits)
    return nil
  } catch { return error }
}

/// A chat request with one message and this after it.
func chatBody(_ more: String) -> String {
  #"{"model":"m","messages":[{"role":"user","content":"hi"}]"#
    + (more.isEmpty ? "" : ",") + more + "}"
}
