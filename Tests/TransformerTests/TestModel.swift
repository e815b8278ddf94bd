import Foundation
import Transformer

/// The real weights and the fixtures, for tests that are about them.
///
/// Weights are not in the repository; `ROLLOUT_MODEL` may name the file, wherever it lies.
enum TestModel {
  struct Missing: Error, CustomStringConvertible {
    let path: String

    var description: String {
      "no weights at '\(path)': run `make model`, or name the file in ROLLOUT_MODEL"
    }
  }

  /// The directory of `Package.swift`.
  static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// SmolLM2-135M-Instruct, Q4_1.
  ///
  /// - Throws: `Missing`, with the remedy.
  static func path() throws -> String {
    let path =
      ProcessInfo.processInfo.environment["ROLLOUT_MODEL"]
      ?? packageRoot.appending(path: ".models/SmolLM2-135M-Instruct.Q4_1.gguf").path
    guard FileManager.default.fileExists(atPath: path) else { throw Missing(path: path) }
    return path
  }

  /// Opened once for all tests.
  static func file() throws -> GGUFFile { try openedFile.get() }

  /// Made once for all tests.
  static func tokenizer() throws -> Tokenizer { try madeTokenizer.get() }

  /// The bytes of a file in `fixtures/`.
  static func fixture(_ name: String) throws -> Data {
    try Data(contentsOf: packageRoot.appending(path: "fixtures/\(name)"))
  }

  private static let openedFile = Result { try GGUFFile.open(path: path()) }
  private static let madeTokenizer = Result { try Tokenizer(file()) }
}
