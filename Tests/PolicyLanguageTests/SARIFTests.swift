import Foundation
import Testing

@testable import PolicyLanguage

/// SARIF logs as the standard wants them: held against its own JSON Schema.
struct SARIFTests {
  /// Of OASIS's sarif-schema-2.1.0.json, errata 01; two packages ship it byte for byte.
  static let schemaSHA256 = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"

  private func verdicts(on logs: [String]) throws -> [String] {
    try PythonScript.verdicts(of: "sarif_check.py", [Self.schemaSHA256], on: logs)
  }

  private func log(_ diagnostics: [Diagnostic], _ sources: [PolicySource]) throws -> String {
    let root = ReportRoot(workingFolder: Repository.root.path)
    let log = SARIFLog(diagnostics, sources: sources, root: root)
    return String(decoding: try JSONEncoder().encode(log), as: UTF8.self)
  }

  /// Every mistake that has a golden file, and so every rule with its page.
  @Test func `the log of every mistake is valid by the official schema`() throws {
    var logs = [try log([], [])]
    for golden in GoldenDiagnosticsTests.goldens {
      let sources =
        golden.input.pathExtension == "yaml"
        ? [try Repository.source(golden.input)] : try Repository.sources(in: golden.input)
      let diagnostics: [Diagnostic]
      do {
        diagnostics = try PolicyParser.parse(sources, knownModels: Sample.knownModels).warnings
      } catch {
        diagnostics = error.diagnostics
      }
      logs.append(try log(diagnostics, sources))
    }
    #expect(logs.count > 100)
    for (log, verdict) in zip(logs, try verdicts(on: logs)) {
      #expect(verdict == "accepted", "\(log)")
    }
  }

  @Test func `every code has a rule that is valid by the official schema`() throws {
    let diagnostics = DiagnosticCode.allCases.map { code in
      Diagnostic(
        file: "a.yaml", line: 1, column: 1, severity: code.severity, code: code, message: "m")
    }
    #expect(try verdicts(on: [log(diagnostics, [])]) == ["accepted"])
  }

  /// Else the test above could not fail.
  @Test func `the schema refuses logs that are none`() throws {
    let diagnostic = Diagnostic(
      file: "a.yaml", line: 3, column: 5, severity: .error, code: .tab, message: "m")
    let log = try self.log([diagnostic], [])
    let edits = [
      ("\"2.1.0\"", "\"2.0.0\""), ("\"startLine\":3", "\"startLine\":0"),
      ("\"level\":\"error\"", "\"level\":\"fatal\""), ("\"tool\"", "\"tools\""),
      ("utf16CodeUnits", "bytes"), ("\"text\":", "\"texts\":"),
    ]
    let broken = try edits.map { edit in
      let text = log.replacing(edit.0, with: edit.1)
      try #require(text != log, "\(edit)")
      return text
    }
    for (edit, verdict) in zip(edits, try verdicts(on: broken)) {
      #expect(verdict.hasPrefix("refused"), "\(edit)")
    }
  }
}
