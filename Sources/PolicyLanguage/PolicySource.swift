package import Experimentation

/// One policy file: its name, as diagnostics print it, and its text.
package struct PolicySource: Hashable, Sendable {
  /// Bytes of UTF-8 above which a text is refused unread.
  package static let maximumBytes = 256 * 1024

  package var file: String
  package var text: String

  package init(file: String, text: String) {
    self.file = file
    self.text = text
  }
}

/// What one policy file says, checked.
package enum PolicyDocument: Hashable, Sendable {
  case model(ModelSpecification)
  case rollout(RolloutPolicy)
}

/// What the files of one service say together, checked against each other.
package struct PolicySet: Hashable, Sendable {
  /// In the order of the files; names are unique.
  package var models: [ModelSpecification]
  /// In the order of the files; names and routes are unique.
  package var rollouts: [RolloutPolicy]
  /// What is allowed but is probably not meant. Every severity is `.warning`.
  package var warnings: [Diagnostic]

  package init(
    models: [ModelSpecification] = [], rollouts: [RolloutPolicy] = [], warnings: [Diagnostic] = []
  ) {
    self.models = models
    self.rollouts = rollouts
    self.warnings = warnings
  }
}

/// Every mistake of the files that were read together.
package struct PolicyErrors: Error, Hashable, Sendable {
  /// At least one of them is an error; by file as given, then by line and column. Warnings are
  /// among them.
  package var diagnostics: [Diagnostic]

  package init(diagnostics: [Diagnostic]) {
    self.diagnostics = diagnostics
  }
}

extension PolicyErrors: CustomStringConvertible {
  /// The diagnostics as people read them, with their source lines, and a count.
  package var description: String {
    let errors = diagnostics.count { $0.severity == .error }
    let count = errors == 1 ? "1 error" : "\(errors) errors"
    return diagnostics.map { $0.rendered + "\n" }.joined() + count
  }
}
