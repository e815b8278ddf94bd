// Values, read by the form that their key has. Each is `nil` when it is not there or was reported.
extension MappingReader {
  func integer(_ key: Key) -> Int? {
    guard let node = self[key] else { return nil }
    switch key.entry.form {
    case .integer(let range): return node.integer(key.rawValue, in: range, log)
    case .integers(let values): return node.integer(key.rawValue, among: values, log)
    default: return mismatch(key)
    }
  }

  /// `usual` when the key is not there.
  func integer(_ key: Key, or usual: Int) -> Int? { has(key) ? integer(key) : usual }

  /// `usual` when the key is not there.
  func truth(_ key: Key, or usual: Bool) -> Bool? {
    guard let node = self[key] else { return usual }
    guard case .truth = key.entry.form else { return mismatch(key) }
    return node.truth(key.rawValue, log)
  }

  /// A number without a unit.
  func number(_ key: Key, hint: String? = nil) -> Double? {
    guard let node = self[key] else { return nil }
    guard case .number(let bounds) = key.entry.form else { return mismatch(key) }
    guard let (text, value) = node.number(key.rawValue, log) else { return nil }
    if bounds.contains(value) { return value }
    log.report(
      .outOfRange, at: node.position, "\(key.rawValue) must be \(bounds), found \(text)",
      hint: hint)
    return nil
  }

  /// Seconds.
  func duration(_ key: Key) -> Double? {
    guard let node = self[key] else { return nil }
    guard case .duration(let range) = key.entry.form else { return mismatch(key) }
    return node.duration(key.rawValue, in: range, log)
  }

  /// `usual` when the key is not there.
  func duration(_ key: Key, or usual: Double) -> Double? { has(key) ? duration(key) : usual }

  /// One word of a closed set.
  func word<Value: RawRepresentable<String>>(_ key: Key, _ expected: String) -> Value? {
    guard let node = self[key] else { return nil }
    guard case .words(let words, nil) = key.entry.form else { return mismatch(key) }
    return node.choice(expected, among: words.compactMap(Value.init), log)
  }

  /// `usual` when the key is not there.
  func word<Value: RawRepresentable<String>>(
    _ key: Key, _ expected: String, or usual: Value
  ) -> Value? { has(key) ? word(key, expected) : usual }

  /// The items of a list, as many as there may be.
  func list(_ key: Key) -> [PolicyNode]? {
    guard let node = self[key] else { return nil }
    guard case .list(_, let count) = key.entry.form else { return mismatch(key) }
    return node.list(key.rawValue, count, log)
  }

  private func has(_ key: Key) -> Bool { self[key] != nil }

  /// A reader that asks for another form than the key has is our mistake. The policy is refused:
  /// what was not read must not pass.
  private func mismatch<Value>(_ key: Key) -> Value? {
    log.report(
      .wrongKind, at: position(of: key), "'\(key.rawValue)' cannot be read by this version")
    return nil
  }
}
