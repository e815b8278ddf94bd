/// A mapping whose keys were held against the list of those it may have.
struct MappingReader<Key: PolicyKey> {
  let position: SourcePosition
  let log: DiagnosticLog
  private var entries: [Key: PolicyNode.Entry] = [:]
  private var met: [String: SourcePosition] = [:]
  /// Keys that misspelt ones were probably meant to be.
  private var meant: Set<String> = []

  /// Reports unknown, repeated, missing, empty and not yet supported keys.
  ///
  /// - Returns: `nil` when `node` is no mapping.
  init?(_ node: PolicyNode, log: DiagnosticLog) {
    guard case .mapping(let entries) = node.content else {
      log.report(
        .wrongKind, at: node.position,
        "\(Key.object) must be a mapping of keys, found \(node.kind)",
        hint: "it has the keys \(Key.allCases.list)")
      return nil
    }
    position = node.position
    self.log = log
    for entry in entries {
      if let first = met[entry.key] {
        log.report(
          .duplicateKey, at: entry.keyPosition, "key '\(entry.key.clipped)' is there twice",
          hint: "it is in line \(first.line) too")
        continue
      }
      met[entry.key] = entry.keyPosition
      if let key = Key(rawValue: entry.key) {
        take(entry, for: key)
      } else if let suggestion = reportUnknown(entry) {
        meant.insert(suggestion)
      }
    }
    for key in Key.allCases where key.presence == .required {
      // A key that was misspelt is not missing as well.
      guard met[key.rawValue] == nil, !meant.contains(key.rawValue) else { continue }
      log.report(
        .missingKey, at: position, "missing key '\(key.rawValue)' in \(Key.object)")
    }
  }

  /// The value of `key`, or `nil` when it is not there; then it was reported if it must be.
  subscript(key: Key) -> PolicyNode? { entries[key]?.value }

  /// Where `key` stands, or where the mapping begins.
  func position(of key: Key) -> SourcePosition { entries[key]?.keyPosition ?? position }

  /// Those of `keys` that are there, in the order given.
  func present(_ keys: [Key]) -> [Key] { keys.filter { entries[$0] != nil } }

  /// Whether one of `keys` was written at all: also misspelt, without a value or too early.
  func hasAny(_ keys: [Key]) -> Bool {
    keys.contains { met[$0.rawValue] != nil || meant.contains($0.rawValue) }
  }

  private mutating func take(_ entry: PolicyNode.Entry, for key: Key) {
    if case .scalar(let scalar) = entry.value.content, scalar.isEmptyPlain {
      log.report(
        .missingValue, at: entry.keyPosition, "nothing stands behind '\(entry.key):'",
        hint: "write a value or remove the key")
    } else {
      entries[key] = entry
    }
  }

  /// Returns the key that was probably meant.
  private func reportUnknown(_ entry: PolicyNode.Entry) -> String? {
    let suggestion = NearestName.suggestion(for: entry.key, among: Key.allCases.map(\.rawValue))
    log.report(
      .unknownKey, at: entry.keyPosition, "unknown key '\(entry.key.clipped)' in \(Key.object)",
      suggestion: suggestion,
      hint: suggestion == nil
        ? "it has the keys \(Key.allCases.list)" : nil)
    return suggestion
  }
}

extension Sequence where Element: RawRepresentable<String> {
  /// `a, b, c`, for messages.
  var list: String { map(\.rawValue).joined(separator: ", ") }
}
