import Experimentation

/// Reads which requests take part in a rollout: `match:`.
struct MatchReader {
  let log: DiagnosticLog

  /// The form of a header with its value.
  static let headerPattern = "^[a-z0-9-]{1,64}=.+$"

  /// `nil` when there was a mistake.
  func match(_ node: PolicyNode) -> RequestMatch? {
    guard let reader = MappingReader<MatchKey>(node, log: log) else { return nil }
    guard reader.hasAny(MatchKey.allCases) else {
      log.report(.oneOf, at: node.position, "a match needs 'label', 'header', or both")
      return nil
    }
    // Both are read before either is given up, so that one mistake does not hide another.
    let labels = reader.hasAny([.label]) ? reader[.label].flatMap { $0.labels(log) } : []
    let headers = reader.hasAny([.header]) ? reader[.header].flatMap { $0.headers(log) } : []
    guard let labels, let headers else { return nil }
    return RequestMatch(labels: labels, headers: headers)
  }
}

extension PolicyNode {
  /// One header, or a list of several, which must all be there.
  func headers(_ log: DiagnosticLog) -> [RequestHeader]? {
    conditions("headers", log) {
      $0.header(log)
    } name: {
      $0.name
    }
    .map { $0.sorted { $0.name < $1.name } }
  }

  /// One label, or a list of several, which must all be there.
  func labels(_ log: DiagnosticLog) -> [RequestLabel]? {
    conditions("labels", log) {
      $0.label(log)
    } name: {
      $0.key
    }
    .map { $0.sorted { $0.key < $1.key } }
  }

  /// Conditions with names that differ; `nil` when there was a mistake, which was reported.
  private func conditions<Condition>(
    _ expected: String, _ log: DiagnosticLog, _ read: (PolicyNode) -> Condition?,
    name: (Condition) -> String
  ) -> [Condition]? {
    guard case .list = content else { return read(self).map { [$0] } }
    guard let items = list(expected, 1...RequestMatch.maximumConditions, log) else { return nil }
    var names: Set<String> = []
    let conditions = items.compactMap { item -> Condition? in
      guard let condition = read(item) else { return nil }
      let name = name(condition)
      if names.insert(name).inserted { return condition }
      log.report(
        .repeatedValue, at: item.position, "'\(name.clipped)' is asked for twice",
        hint: "all must hold, and a request has one value of each")
      return nil
    }
    return conditions.count == items.count ? conditions : nil
  }

  /// `name=value`, of a header that requests may be told apart by.
  private func header(_ log: DiagnosticLog) -> RequestHeader? {
    guard let text = text("a header", log) else { return nil }
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[1].isEmpty, parts[1].hasFirmEnds,
      parts[1].unicodeScalars.allSatisfy({ (0x20...0x7E).contains($0.value) })
    else {
      log.report(
        .invalidCondition, at: position, "'\(text.clipped)' is no header with a value",
        hint: "write \"x-tenant=acme\": a header's name in lower case, and its whole value, which "
          + "has no blanks at its ends")
      return nil
    }
    let name = String(parts[0])
    guard
      HeaderName.check(
        name, at: position, log, use: "no condition on requests",
        spelled: { "\($0)=\(parts[1])" },
        instead: "match a header that names a tenant, or a label")
    else { return nil }
    return RequestHeader(name: name, value: String(parts[1]))
  }
}

extension PolicyNode {
  /// `key=value`, with the bounds that OpenAI's `metadata` has.
  private func label(_ log: DiagnosticLog) -> RequestLabel? {
    guard let text = text("a label", log) else { return nil }
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, (1...64).contains(parts[0].count), (1...512).contains(parts[1].count),
      !parts[0].hasPrefix(RequestHeader.labelPrefix)
    else {
      log.report(
        .invalidCondition, at: position, "'\(text.clipped)' is no label",
        hint: "write \"tier=gold\": a member of the request's metadata and its value")
      return nil
    }
    guard parts[0].hasFirmEnds, parts[1].hasFirmEnds else {
      let (key, value) = (parts[0].withoutLooseEnds, parts[1].withoutLooseEnds)
      let meant = "\"\(key)=\(value)\""
      log.report(
        .invalidCondition, at: position,
        "a blank or an invisible character stands at an end of a label's key or value",
        suggestion: key.isEmpty || value.isEmpty || meant != meant.clipped ? nil : meant,
        hint: "labels are compared byte by byte, and nobody would see the difference")
      return nil
    }
    return RequestLabel(key: String(parts[0]), value: String(parts[1]))
  }
}

extension Substring {
  /// Whether it neither begins nor ends with what nobody sees.
  fileprivate var hasFirmEnds: Bool { withoutLooseEnds.count == count }

  fileprivate var withoutLooseEnds: Substring {
    let isLoose = { (letter: Character) in letter.unicodeScalars.allSatisfy(\.isInvisible) }
    let rest = drop(while: isLoose)
    return rest.lastIndex { !isLoose($0) }.map { rest[...$0] } ?? rest.prefix(0)
  }
}

extension Unicode.Scalar {
  fileprivate var isInvisible: Bool {
    properties.isWhitespace || [.control, .format].contains(properties.generalCategory)
  }
}

/// The names of headers that a policy may look at.
enum HeaderName {
  private static let secrets = [
    "authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key",
  ]

  /// Whether requests may be told apart by the header `name`; else says why not.
  ///
  /// - Parameters:
  ///   - use: what it is not fit for, for messages
  ///   - spelled: how a name stands in the policy
  ///   - instead: what to do about one that carries a secret
  static func check(
    _ name: String, at position: SourcePosition, _ log: DiagnosticLog, use: String,
    spelled: (String) -> String, instead: String
  ) -> Bool {
    if secrets.contains(name.lowercased()) {
      log.report(
        .invalidHeader, at: position,
        "the header '\(name.lowercased())' carries a secret and is \(use)", hint: instead,
        showsLine: false)
      return false
    }
    let isToken = { WordShape.header.matches(WordShape.header.prefix + $0) }
    guard isToken(name) else {
      let lowercased = name.lowercased()
      log.report(
        .invalidHeader, at: position, "'\(name.clipped)' is no header name in lower case",
        suggestion: isToken(lowercased) ? spelled(lowercased) : nil,
        hint: "a header name has 1 to 64 of a-z, 0-9 and '-'")
      return false
    }
    return true
  }
}
