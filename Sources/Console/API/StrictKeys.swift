extension KeyedDecodingContainer where Key: CaseIterable {
  /// Decodes an object that may have no keys but `Key`'s.
  ///
  /// A misspelt `dryrun` must not become an apply in earnest.
  static func strict(from decoder: any Decoder) throws -> Self {
    let known = Set(Key.allCases.map(\.stringValue))
    let found = try decoder.container(keyedBy: AnyKey.self)
    if let unknown = found.allKeys.first(where: { !known.contains($0.stringValue) }) {
      let name = PlainText.escaping(String(unknown.stringValue.prefix(40)))
      throw ErrorResponse.Problem(
        .invalid, "unknown key '\(name)'; known are \(known.sorted().joined(separator: ", "))")
    }
    return try decoder.container(keyedBy: Key.self)
  }
}

private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}
