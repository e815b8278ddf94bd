import Foundation

/// Diagnostics in the Static Analysis Results Interchange Format 2.1.0 (OASIS, errata 01), which
/// code scanners and editors read.
///
/// Columns are counted in UTF-16 units, as most readers take them, whatever `columnKind` says. The
/// rules are those that were broken, each with its page of ``Explanation``.
package struct SARIFLog: Encodable, Hashable, Sendable {
  private let schema =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
  private let version = "2.1.0"
  private let runs: [Run]

  private enum CodingKeys: String, CodingKey {
    case schema = "$schema"
    case version, runs
  }

  /// - Parameters:
  ///   - sources: the texts that the diagnostics are about, as far as they could be read.
  ///   - root: files below it are named from there, others by their whole path.
  package init(_ diagnostics: [Diagnostic], sources: [PolicySource], root: ReportRoot) {
    let codes = Set(diagnostics.map(\.code)).sorted { $0.rawValue < $1.rawValue }
    let columns = UTF16Columns(sources)
    let results = diagnostics.map { diagnostic in
      Result(
        ruleId: diagnostic.code.rawValue, ruleIndex: codes.firstIndex(of: diagnostic.code) ?? -1,
        level: diagnostic.severity, message: Message(text: diagnostic.statement),
        locations: [
          Location(
            physicalLocation: PhysicalLocation(
              artifactLocation: ArtifactLocation(diagnostic.file, root: root),
              region: Region(diagnostic, columns)))
        ])
    }
    let driver = Driver(name: "rollout", rules: codes.map(Rule.init))
    runs = [Run(tool: Tool(driver: driver), columnKind: "utf16CodeUnits", results: results)]
  }
}

// MARK: - Objects of the format, by its names

extension SARIFLog {
  private struct Run: Encodable, Hashable {
    var tool: Tool
    var columnKind: String
    var results: [Result]
  }

  private struct Tool: Encodable, Hashable {
    var driver: Driver
  }

  private struct Driver: Encodable, Hashable {
    var name: String
    var rules: [Rule]
  }

  private struct Rule: Encodable, Hashable {
    var id: String
    var shortDescription: Message
    var fullDescription: Message
    var help: Help
    var defaultConfiguration: Configuration

    init(_ code: DiagnosticCode) {
      let page = code.explanation
      id = code.rawValue
      shortDescription = Message(text: page.summary)
      fullDescription = Message(text: page.reason)
      help = Help(text: page.plainText, markdown: page.markdown)
      defaultConfiguration = Configuration(level: code.severity)
    }
  }

  private struct Configuration: Encodable, Hashable {
    var level: Diagnostic.Severity
  }

  private struct Message: Encodable, Hashable {
    var text: String
  }

  private struct Help: Encodable, Hashable {
    var text: String
    var markdown: String
  }

  private struct Result: Encodable, Hashable {
    var ruleId: String
    /// Where the rule stands in the driver's list.
    var ruleIndex: Int
    var level: Diagnostic.Severity
    var message: Message
    var locations: [Location]
  }

  private struct Location: Encodable, Hashable {
    var physicalLocation: PhysicalLocation
  }

  private struct PhysicalLocation: Encodable, Hashable {
    var artifactLocation: ArtifactLocation
    var region: Region
  }

  /// A URI reference from the root of the checkout, or a whole `file:` URI.
  private struct ArtifactLocation: Encodable, Hashable {
    var uri: String
    var uriBaseId: String?

    init(_ file: String, root: ReportRoot) {
      if let path = root.relative(file) {
        uri = Self.encoded(path)
        uriBaseId = "%SRCROOT%"
      } else {
        uri = "file://" + Self.encoded(root.absolute(file))
      }
    }

    /// Unreserved characters (RFC 3986) and slashes stay; a colon would look like a scheme.
    private static func encoded(_ path: String) -> String {
      let allowed = CharacterSet(
        charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/")
      return path.addingPercentEncoding(withAllowedCharacters: allowed) ?? path
    }
  }

  private struct Region: Encodable, Hashable {
    var startLine: Int
    var startColumn: Int
    var endColumn: Int?

    init(_ diagnostic: Diagnostic, _ columns: UTF16Columns) {
      func column(_ column: Int) -> Int {
        columns.column(column, of: diagnostic.line, in: diagnostic.file)
      }
      startLine = diagnostic.line
      startColumn = column(diagnostic.column)
      endColumn = diagnostic.endColumn.map(column)
    }
  }
}

/// From columns in scalars to columns in UTF-16 units.
private struct UTF16Columns {
  private let lines: [String: [String.UnicodeScalarView.SubSequence]]

  init(_ sources: [PolicySource]) {
    lines = Dictionary(
      sources.map { source in
        let isRead = source.text.utf8.count <= PolicySource.maximumBytes
        let scalars = (isRead ? source.text : "").unicodeScalars
        return (source.file, scalars.split(separator: "\n", omittingEmptySubsequences: false))
      }, uniquingKeysWith: { first, _ in first })
  }

  func column(_ column: Int, of line: Int, in file: String) -> Int {
    guard let lines = lines[file], lines.indices.contains(line - 1) else { return column }
    let before = lines[line - 1].prefix(column - 1)
    return column + before.count { $0.value > 0xFFFF }
  }
}
