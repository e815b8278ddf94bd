import Console
import Experimentation
import PolicyLanguage

/// Refusals, failures and diagnostics as people read them.
struct ProblemText {
  var style: Style

  func text(of failure: CommandFailure) -> String {
    var text = ""
    if let problem = failure.problem {
      text += self.text(of: problem.diagnostics)
      if !problem.openGates.isEmpty {
        text += GateTable(gates: problem.openGates).lines(style).joined(separator: "\n") + "\n"
        for gate in problem.openGates {
          if let explanation = gate.explanation {
            text += "- \(gate.gate.escaped): \(explanation.escaped)\n"
          }
        }
        text += "\n"
      }
    }
    text += "\(style.paint("error:", .red)) \(failure.message.escapedLines)\n"
    if let remedy = failure.remedy {
      text += "\(style.paint("help:", .cyan)) \(remedy.escapedLines)\n"
    }
    return text
  }

  /// Each with its line of the file and a caret.
  func text(of diagnostics: [Diagnostic]) -> String {
    diagnostics.map { diagnostic in
      let severity = diagnostic.severity.rawValue
      let colour: Style.Colour = diagnostic.severity == .error ? .red : .yellow
      let place = "\(diagnostic.file.escaped):\(diagnostic.line):\(diagnostic.column):"
      var lines = diagnostic.rendered.escapedLines.split(
        separator: "\n", omittingEmptySubsequences: false)
      if let first = lines.first, first.hasPrefix("\(place) \(severity):") {
        let rest = first.dropFirst("\(place) \(severity):".count)
        lines[0] = "\(style.paint(place, .bold)) \(style.paint(severity + ":", colour))\(rest)"
      }
      if lines.count > 1, let last = lines.last, last.hasSuffix("^") {
        lines[lines.count - 1] = last.dropLast() + style.paint("^", colour)
      }
      return lines.joined(separator: "\n") + "\n"
    }
    .joined()
  }
}
