import Console
import Foundation

/// Colours for a terminal, or none.
struct Style: Sendable {
  let isColoured: Bool

  static let plain = Style(isColoured: false)
  static let standardOutput = Style(descriptor: STDOUT_FILENO)
  static let standardError = Style(descriptor: STDERR_FILENO)

  init(isColoured: Bool) { self.isColoured = isColoured }

  /// Colours where a person looks and does not mind: a terminal, with `NO_COLOR` unset or empty.
  private init(descriptor: Int32) {
    let environment = ProcessInfo.processInfo.environment
    let isUnwanted = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
    isColoured = isatty(descriptor) == 1 && !isUnwanted
  }

  enum Colour: Int {
    case bold = 1
    case faint = 2
    case red = 31
    case green = 32
    case yellow = 33
    case cyan = 36
  }

  func paint(_ text: String, _ colour: Colour?) -> String {
    guard isColoured, let colour, !text.isEmpty else { return text }
    return "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m"
  }
}

extension String {
  /// For a terminal: what a stranger wrote cannot move the cursor, forge a line or hide itself.
  var escaped: String { PlainText.escaping(self) }

  /// The same for a text of several lines, which keeps its lines and tabs.
  var escapedLines: String {
    split(separator: "\n", omittingEmptySubsequences: false)
      .map { line in
        line.split(separator: "\t", omittingEmptySubsequences: false)
          .map { String($0).escaped }.joined(separator: "\t")
      }
      .joined(separator: "\n")
  }
}
