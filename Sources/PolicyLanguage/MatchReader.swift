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
    var match = RequestMatch()
    if reader.hasAny([.label]) {
      guard let label = reader[.label].flatMap({ $0.label(log) }) else { return nil }
      match.label = label
    }
    if reader.hasAny([.header]) {
      guard let header = reader[.header].flatMap({ $0.header(log) }) else { return nil }
      match.header = header
    }
    return match
  }
}

extension PolicyNode {
  /// `name=value`, of a header that requests may be told apart by.
  func header(_ log: DiagnosticLog) -> RequestHeader? {
    guard let text = text("a header", log) else { return nil }
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[1].isEmpty,
      parts[1].unicodeScalars.allSatisfy({ (0x20...0x7E).contains($0.value) })
    else {
      log.report(
        .invalidCondition, at: position, "'\(text.clipped)' is no header with a value",
        hint: "write \"x-tenant=acme\": a header's name in lower case, and its whole value")
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
