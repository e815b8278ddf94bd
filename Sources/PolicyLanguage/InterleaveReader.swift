import Experimentation

/// What a step of interleaved answers may say.
enum InterleaveKey: String, PolicyKey {
  case choices

  static let object = "interleave"

  var presence: KeyPresence { .required }

  var entry: KeyEntry {
    switch self {
    case .choices:
      KeyEntry(
        .integer(2...8),
        """
        the most choices (the request's `n`) that are drafted from incumbent and candidates, 2 to \
        8; requests for one or for more are the incumbent's, and no evidence
        """)
    }
  }
}

/// Reads what stands behind `interleave:`.
struct InterleaveReader {
  let log: DiagnosticLog

  /// `nil` when something is wrong, which was reported.
  func traffic(_ node: PolicyNode) -> StepTraffic? {
    MappingReader<InterleaveKey>(node, log: log)?.integer(.choices)
      .map { .interleave(choices: $0) }
  }
}
