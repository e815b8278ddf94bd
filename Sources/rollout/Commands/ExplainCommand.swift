import ArgumentParser
import PolicyLanguage

/// `rollout explain`: what a diagnostic of a policy means.
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Say what a mistake in a policy means, why it is one, and how to mend it.",
    discussion: """
      The code is what `rollout check` prints in brackets. Without one, lists them all.

      EXAMPLE:
        rollout explain missing-unit
      """)

  @Argument(
    help: "The code of a diagnostic.",
    completion: .list(DiagnosticCode.allCases.map(\.rawValue)))
  var code: String?

  func run() throws {
    let style = Style.standardOutput
    guard let text = code?.trimmingPrefix("[").prefix(while: { $0 != "]" }) else {
      return Output.write(Self.list.lines(style).joined(separator: "\n") + "\n")
    }
    guard let code = DiagnosticCode(rawValue: String(text)) else {
      let nearest = DiagnosticCode.nearest(to: String(text))
      throw CommandFailure(
        .usage, "no diagnostic has the code '\(text)'",
        remedy: nearest.map { "did you mean '\($0.rawValue)'?" }
          ?? "'rollout explain' lists all codes")
    }
    let head = "\(style.paint(code.rawValue, .bold)) (\(code.severity.rawValue))"
    let page = code.explanation
    Output.write("\(head)\n\n\(page.summary)\n\n\(page.plainText)\n")
  }

  private static var list: Table {
    var table = Table([("CODE", .left), ("SEVERITY", .left), ("WHAT IS WRONG", .left)])
    for code in DiagnosticCode.allCases {
      table.add([
        .init(code.rawValue, .bold), .init(code.severity.rawValue), .init(code.explanation.summary),
      ])
    }
    return table
  }
}
