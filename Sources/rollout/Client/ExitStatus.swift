import Console
import PolicyLanguage

/// How a command ended: what scripts branch on, so a number never changes its meaning.
enum ExitStatus: Int32, CaseIterable {
  case done = 0
  case refused = 1
  case usage = 2
  case notFound = 3
  case unreachable = 4
  case failed = 5

  private var meaning: String {
    switch self {
    case .done: "done"
    case .refused: "refused by the rules: mistakes in a policy, open gates"
    case .usage: "wrong arguments or invalid input"
    case .notFound: "no such rollout or model"
    case .unreachable: "no service answers"
    case .failed: "the service or the program failed"
    }
  }

  /// One line a code, for `--help`.
  static var legend: String {
    allCases.map { "  \($0.rawValue)  \($0.meaning)" }.joined(separator: "\n")
  }

  /// What policies that were not accepted mean for a script: wrong arguments where there is nothing
  /// to be read at what was named, else mistakes in policies.
  init(_ errors: PolicyErrors) {
    let isOfPath = errors.diagnostics.contains {
      $0.severity == .error && [.unreadableFile, .emptyFolder].contains($0.code)
    }
    self = isOfPath ? .usage : .refused
  }

  /// What a problem that the service reports means for a script.
  init(_ code: ErrorResponse.Code) {
    self =
      switch code {
      case .notAllowed, .gatesOpen, .evidenceStale, .staleIncumbent, .staleRevision, .notTrusted,
        .wrongAudience, .rolloutUnderWay, .closed, .conflict, .policyRefused, .forbidden:
        .refused
      case .malformed, .invalid, .keyReused, .tooLarge, .unsupportedMediaType: .usage
      case .notFound: .notFound
      case .timeout, .internalError, .unavailable: .failed
      }
  }
}
