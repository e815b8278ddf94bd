/// Finds keys that stand twice in one object, byte for byte, without becoming quadratic.
///
/// Few members are compared one by one; beyond that a set is kept. Swift's own string equality
/// would join spellings that differ in Unicode normalisation, which other parsers tell apart.
struct UniqueKeys {
  private static let linear = 16
  private var seen: Set<Key> = []

  /// Whether `key` differs from all of `members`, which were asked for one after another.
  mutating func insert(_ key: String, after members: [JSONObject.Member]) -> Bool {
    if members.count < UniqueKeys.linear {
      for member in members where UniqueKeys.areSame(member.key, key) { return false }
      return true
    }
    if members.count == UniqueKeys.linear { seen = Set(members.map { Key(text: $0.key) }) }
    return seen.insert(Key(text: key)).inserted
  }

  private static func areSame(_ one: String, _ other: String) -> Bool {
    // Equal bytes imply equal strings, and comparing strings is the faster of the two.
    one.utf8.count == other.utf8.count && one == other && one.utf8.elementsEqual(other.utf8)
  }

  private struct Key: Hashable {
    let text: String

    static func == (one: Key, other: Key) -> Bool { UniqueKeys.areSame(one.text, other.text) }

    // Hashing the text as a string is consistent: equal bytes are equal strings.
    func hash(into hasher: inout Hasher) { text.hash(into: &hasher) }
  }
}

/// The first characters of a text that came from outside, fit for a message: no control characters,
/// no quotes, at most 64 characters.
func excerpt(_ text: String) -> String {
  var short = ""
  for scalar in text.unicodeScalars.prefix(64) {
    let isPlain = scalar.value >= 0x20 && scalar.value != 0x7F && scalar != "'"
    short.unicodeScalars.append(isPlain ? scalar : "?")
  }
  return text.unicodeScalars.count > 64 ? short + "…" : short
}
