import Experimentation
import Foundation
import Testing

@testable import PolicyLanguage

/// Each mistake that the language knows, with what people are told: `NAME.yaml` or a folder `NAME`
/// of files that are read together, and `NAME.expected`.
///
/// `UPDATE_GOLDEN=1` writes the expected files anew; then read the difference.
struct GoldenDiagnosticsTests {
  struct Golden: CustomTestStringConvertible, Sendable {
    var input: URL

    var expected: URL { input.deletingPathExtension().appendingPathExtension("expected") }
    var testDescription: String { input.lastPathComponent }

    func printed() throws -> String {
      let sources =
        input.pathExtension == "yaml"
        ? [try Repository.source(input)] : try Repository.sources(in: input)
      do {
        let set = try PolicyParser.parse(sources, knownModels: Sample.knownModels)
        return set.warnings.map { $0.rendered + "\n" }.joined()
      } catch {
        return error.diagnostics.map { $0.rendered + "\n" }.joined()
      }
    }
  }

  static let goldens: [Golden] =
    (try? Repository.entries(of: Repository.invalid).filter { $0.pathExtension != "expected" })?
    .map(Golden.init) ?? []

  /// What needs a file that is too large to be kept, or no file at all; tested elsewhere.
  static let withoutFile: Set<DiagnosticCode> = [
    .fileTooLarge, .tooManyFiles, .unreadableFile, .notUTF8, .tooManyValues, .tooManyMistakes,
    .emptyFolder,
  ]

  @Test(arguments: goldens)
  func `diagnostics are printed as recorded`(_ golden: Golden) throws {
    let printed = try golden.printed()
    #expect(!printed.isEmpty, "nothing was found")
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try printed.write(to: golden.expected, atomically: true, encoding: .utf8)
    }
    #expect(try printed == String(contentsOf: golden.expected, encoding: .utf8))
  }

  @Test func `every code has a golden file of its name in which it is found`() throws {
    for code in DiagnosticCode.allCases where !Self.withoutFile.contains(code) {
      let golden = Self.goldens.first {
        $0.input.deletingPathExtension().lastPathComponent == code.rawValue
      }
      let printed = try golden?.printed() ?? ""
      #expect(printed.contains("[\(code.rawValue)]"), "no golden file shows '\(code.rawValue)'")
    }
  }
}
