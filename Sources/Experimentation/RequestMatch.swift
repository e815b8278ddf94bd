/// Which requests of a route take part in a rollout; all that is asked for must hold.
///
/// The others get the incumbent, outside of the rollout: they are no evidence.
package struct RequestMatch: Hashable, Sendable, Codable {
  /// A member of the request's `metadata`; `nil` asks for none.
  package var label: RequestLabel?
  /// `nil` asks for none.
  package var header: RequestHeader?

  package init(label: RequestLabel? = nil, header: RequestHeader? = nil) {
    self.label = label
    self.header = header
  }

  /// Whether a request takes part.
  ///
  /// - Parameters:
  ///   - labels: the texts of its `metadata`
  ///   - headerValue: the value of the header of a name; `nil` where there is none
  package func contains(
    labels: [String: String], headerValue: (String) -> String?
  ) -> Bool {
    if let label, labels[label.key] != label.value { return false }
    if let header, headerValue(header.name) != header.value { return false }
    return true
  }
}

/// A header with the value that is asked for.
package struct RequestHeader: Hashable, Sendable, Codable {
  /// In lower case, 1…64 characters.
  package var name: String
  /// Compared byte by byte.
  package var value: String

  package init(name: String, value: String) {
    self.name = name
    self.value = value
  }

  /// What outcomes that keep it have it under, among the labels; no label that a policy asks for
  /// begins so.
  package var labelKey: String { Self.labelPrefix + name }

  package static let labelPrefix = "header:"
}
