import Experimentation

/// Reads what tells requests apart for a bandit: `context:`.
struct ContextReader {
  /// How many models take part, if that is known.
  let arms: Int?
  let log: DiagnosticLog

  /// The feature that is the length of the prompt.
  static let promptLength = "promptTokens"
  /// A length, or a label with values.
  static let featurePattern = "^(\(promptLength)|[^=]{1,64}=[^,]+(,[^,]+)*)$"
  /// Cells times models: how many shares are computed at once.
  private static let greatestShareCount = 256

  /// `nil` when there was a mistake.
  func context(_ nodes: [PolicyNode], at position: SourcePosition) -> BanditContext? {
    var context = BanditContext()
    var seen: Set<String> = []
    for node in nodes {
      guard let text = node.text("what tells requests apart", log) else { return nil }
      let key = text.split(separator: "=", maxSplits: 1).first.map(String.init) ?? text
      guard seen.insert(key).inserted else {
        log.report(.duplicateKey, at: node.position, "'\(key.clipped)' is there twice")
        return nil
      }
      if text == Self.promptLength {
        context.usesPromptLength = true
      } else if let label = label(text) {
        context.labels.append(label)
      } else {
        log.report(
          .invalidCondition, at: node.position, "'\(text.clipped)' tells no requests apart",
          hint: "write promptTokens, or \"tier=gold,silver\": a member of 'metadata' with the "
            + "values that count, each once")
        return nil
      }
    }
    guard !nodes.isEmpty else { return nil }
    let cells = context.cellCount
    guard cells <= BanditContext.greatestCellCount,
      cells * max(arms ?? 2, 2) <= Self.greatestShareCount
    else {
      log.report(
        .outOfRange, at: position,
        "context makes \(cells) kinds of requests: at most \(BanditContext.greatestCellCount), "
          + "and at most \(Self.greatestShareCount) with a share for each of "
          + "\(max(arms ?? 2, 2)) models",
        hint: "each feature multiplies them; each also has unknown values as one more")
      return nil
    }
    return context
  }

  private func label(_ text: String) -> BanditContext.Label? {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, (1...64).contains(parts[0].unicodeScalars.count),
      !parts[0].hasPrefix(RequestHeader.labelPrefix)
    else { return nil }
    let values = parts[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard values.allSatisfy({ !$0.isEmpty }), Set(values).count == values.count else { return nil }
    return BanditContext.Label(key: String(parts[0]), values: values)
  }
}
