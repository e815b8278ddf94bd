import Yams

/// From text to ``PolicyNode``s: the only place that knows the YAML parser.
enum YAMLTree {
  /// Reads a text that the lexical scan has passed.
  ///
  /// - Returns: The root, or `nil` when there is none; then `log` says why.
  static func read(_ scanned: LexicalScan.Result, log: DiagnosticLog) -> PolicyNode? {
    do {
      // The basic resolver takes nothing for a number or a date: values are read as written.
      let root = try Yams.Parser(yaml: scanned.text, resolver: .basic, encoding: .utf8).singleRoot()
      guard let root else {
        log.report(
          .emptyDocument, at: .start, "no document",
          hint: "begin with 'apiVersion: rollout/v1' and 'kind: Model' or 'kind: Rollout'")
        return nil
      }
      return node(root, mask: scanned.mask, log: log)
    } catch let error as YamlError {
      report(error, mask: scanned.mask, log: log)
    } catch {
      log.report(.syntax, at: .start, "the text is not YAML")
    }
    return nil
  }

  private static func node(_ node: Node, mask: Mask, log: DiagnosticLog) -> PolicyNode {
    let content: PolicyNode.Content =
      switch node {
      case .scalar(let scalar):
        .scalar(
          PolicyNode.Scalar(
            text: mask.restore(scalar.string), isQuoted: scalar.style != .plain))
      case .sequence(let sequence):
        .list(sequence.map { self.node($0, mask: mask, log: log) })
      case .mapping(let mapping):
        .mapping(mapping.compactMap { entry($0.key, $0.value, mask: mask, log: log) })
      case .alias:
        // The scan leaves no aliases; one would be a text like any other.
        .scalar(PolicyNode.Scalar(text: "", isQuoted: false))
      }
    return PolicyNode(position: position(node.mark), content: content)
  }

  private static func entry(
    _ key: Node, _ value: Node, mask: Mask, log: DiagnosticLog
  ) -> PolicyNode.Entry? {
    guard case .scalar(let scalar) = key else {
      log.report(.complexKey, at: position(key.mark), "a key that is a list or a mapping")
      return nil
    }
    return PolicyNode.Entry(
      key: mask.restore(scalar.string), keyPosition: position(scalar.mark),
      value: node(value, mask: mask, log: log))
  }

  private static func report(_ error: YamlError, mask: Mask, log: DiagnosticLog) {
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let lead = context.map { "\($0.text.trimmed) of line \($0.mark.line), " } ?? ""
      log.report(.syntax, at: position(mark), lead + problem.trimmed)
    case .duplicatedKeysInMapping(let keys, let context):
      // Only keys that could not be masked: those that begin with an escape.
      let key = mask.restore(keys.first ?? "").clipped
      log.report(.duplicateKey, at: position(context.mark), "key '\(key)' is there twice")
    case .reader(let problem, _, _, _), .writer(let problem), .emitter(let problem),
      .representer(let problem):
      log.report(.syntax, at: .start, problem)
    case .no, .memory, .dataCouldNotBeDecoded:
      log.report(.syntax, at: .start, "the text could not be read")
    }
  }

  private static func position(_ mark: Mark?) -> SourcePosition {
    mark.map { SourcePosition(line: max($0.line, 1), column: max($0.column, 1)) } ?? .start
  }
}

extension String {
  fileprivate var trimmed: Substring { drop { $0 == " " } }
}
