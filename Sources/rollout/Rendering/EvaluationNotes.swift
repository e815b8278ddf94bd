import Evaluation
import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// How far an evaluation has come, on standard error: redrawn in place on a terminal, else a line
/// when what is counted changes and now and then between.
final class EvaluationNotes {
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var isOpen = false

  func note(_ progress: EvaluationProgress) {
    let line =
      "\(Numbers.count(progress.length)) tokens: \(progress.done) of \(progress.total) "
      + progress.what.escaped
    if isTerminal {
      Output.writeError("\r\(line)\u{1B}[K")
      isOpen = true
    } else if progress.done.isMultiple(of: max(1, progress.total / 4)) {
      Output.writeError(line + "\n")
    }
  }

  /// Clears the line on a terminal.
  func finish() {
    if isOpen { Output.writeError("\r\u{1B}[K") }
    isOpen = false
  }
}
