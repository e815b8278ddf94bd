/// A value with the place where it was read, for checks that look at several values.
struct Placed<Value> {
  var value: Value
  var position: SourcePosition

  init(_ value: Value, at position: SourcePosition) {
    self.value = value
    self.position = position
  }
}

extension PolicyNode {
  /// The first value of `key`, before the mapping is checked; reports nothing.
  func value<Key: PolicyKey>(of key: Key) -> PolicyNode? {
    guard case .mapping(let entries) = content else { return nil }
    return entries.first { $0.key == key.rawValue }?.value
  }
}
