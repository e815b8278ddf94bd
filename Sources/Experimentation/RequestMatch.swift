/// Which requests of a route take part in a rollout; all that is asked for must hold.
///
/// The others get the incumbent, outside of the rollout: they are no evidence.
package struct RequestMatch: Hashable, Sendable {
  /// Members of the request's `metadata`, each of another key, at most ``maximumConditions``.
  package var labels: [RequestLabel]
  /// Each of another name, at most ``maximumConditions``.
  package var headers: [RequestHeader]

  /// Of one kind; who asks for more looks for one request.
  package static let maximumConditions = 8

  package init(labels: [RequestLabel] = [], headers: [RequestHeader] = []) {
    self.labels = labels
    self.headers = headers
  }

  /// Whether a request takes part.
  ///
  /// - Parameters:
  ///   - labels: the texts of its `metadata`
  ///   - headerValue: the value of the header of a name; `nil` where there is none
  package func contains(
    labels found: [String: String], headerValue: (String) -> String?
  ) -> Bool {
    labels.allSatisfy { found[$0.key] == $0.value }
      && headers.allSatisfy { headerValue($0.name) == $0.value }
  }
}

/// Something that a client says of its request: a member of the request's `metadata`.
package struct RequestLabel: Hashable, Sendable, Codable {
  /// As OpenAI bounds them: 1…64 characters.
  package var key: String
  /// 1…512 characters.
  package var value: String

  package init(key: String, value: String) {
    self.key = key
    self.value = value
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

// MARK: - In the journal

/// One label or header stands under the key that it had when there could be no more, so that what
/// was written before is read, and written, as it was; several stand in a list.
private enum ConditionKey: String, CodingKey {
  case promptTokens, label, labels, header, headers
}

extension KeyedDecodingContainer<ConditionKey> {
  fileprivate func decode<Value: Decodable>(
    _ one: ConditionKey, or several: ConditionKey
  ) throws -> [Value] {
    if let value = try decodeIfPresent(Value.self, forKey: one) { return [value] }
    return try decodeIfPresent([Value].self, forKey: several) ?? []
  }
}

extension KeyedEncodingContainer<ConditionKey> {
  fileprivate mutating func encode<Value: Encodable>(
    _ values: [Value], _ one: ConditionKey, or several: ConditionKey
  ) throws {
    if values.count > 1 {
      try encode(values, forKey: several)
    } else {
      try encodeIfPresent(values.first, forKey: one)
    }
  }
}

extension RequestMatch: Codable {
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: ConditionKey.self)
    labels = try fields.decode(.label, or: .labels)
    headers = try fields.decode(.header, or: .headers)
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: ConditionKey.self)
    try fields.encode(labels, .label, or: .labels)
    try fields.encode(headers, .header, or: .headers)
  }
}

extension SliceCondition: Codable {
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: ConditionKey.self)
    promptTokens = try fields.decode(ClosedRange<Int>.self, forKey: .promptTokens)
    labels = try fields.decode(.label, or: .labels)
    headers = try fields.decode(.header, or: .headers)
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: ConditionKey.self)
    try fields.encode(promptTokens, forKey: .promptTokens)
    try fields.encode(labels, .label, or: .labels)
    try fields.encode(headers, .header, or: .headers)
  }
}
