import Experimentation

/// Keys and values as policies write them, where the canonical form has names and units of its own.
///
/// The form cannot take the policy's: digests are made over it.
enum PolicySpelling {
  private enum Unit { case percent, duration, tokensPerDay }

  private static let keys: [String: (name: String, unit: Unit)] = [
    "share": ("percent", .percent), "labelShare": ("labelPercent", .percent),
    "minShare": ("minProb", .percent),
    "tokensPerDay": ("tokenBudget", .tokensPerDay),
    "updateSeconds": ("updateEvery", .duration), "halfLifeSeconds": ("halfLife", .duration),
    "connectSeconds": ("connect", .duration), "firstTokenSeconds": ("firstToken", .duration),
    "idleSeconds": ("idle", .duration), "totalSeconds": ("total", .duration),
  ]

  /// What policies call `key`.
  static func key(_ key: String) -> String { keys[key]?.name ?? key }

  /// The value of `key` in `parent` as policies write it; without quotes where it is one word.
  static func value(
    _ value: CanonicalForm, of key: String, in parent: [String: CanonicalForm?]
  ) -> String {
    switch value {
    case .text(let text): return text
    case .number(let number):
      if key == "margin", let unit = marginUnit(in: parent) {
        return Words.decimal(number * 100) + unit
      }
      return quantity(number, of: key) ?? value.json
    case .integer(let count): return quantity(Double(count), of: key) ?? value.json
    case .object(let entries):
      if key == "context" { return context(entries) }
      let parts = entries.compactMapValues(\.self).map { entry in
        "\(self.key(entry.key)): \(self.value(entry.value, of: entry.key, in: entries))"
      }
      return "{ \(parts.sorted().joined(separator: ", ")) }"
    case .list: return value.json
    }
  }

  private static func quantity(_ number: Double, of key: String) -> String? {
    switch keys[key]?.unit {
    case .percent: return Words.decimal(number * 100) + "%"
    case .duration: return Words.duration(number)
    case .tokensPerDay:
      for (unit, size) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] where number >= size {
        let scaled = number / size
        if scaled == (scaled * 1e6).rounded() / 1e6 { return Words.decimal(scaled) + unit + "/day" }
      }
      return Words.decimal(number) + "/day"
    case nil: return nil
    }
  }

  /// `pp` for a reward that is a share, `%` for others; `nil` for what is no bandit's.
  private static func marginUnit(in parent: [String: CanonicalForm?]) -> String? {
    guard case .text(let reward)?? = parent["reward"] else { return nil }
    // Rewards that are no metric are named feedback, a share.
    return (Metric(rawValue: reward)?.scale ?? .proportion) == .proportion ? "pp" : "%"
  }

  /// `[promptTokens, "tier=gold,silver"]`
  private static func context(_ entries: [String: CanonicalForm?]) -> String {
    var features = (entries["promptTokens"] ?? nil) == nil ? [] : ["promptTokens"]
    if case .list(let labels)?? = entries["labels"] {
      for case .object(let label) in labels {
        guard case .text(let key)?? = label["key"], case .list(let values)?? = label["values"]
        else { continue }
        let texts = values.map { if case .text(let text) = $0 { text } else { $0.json } }
        features.append("\"\(key)=\(texts.joined(separator: ","))\"")
      }
    }
    return "[\(features.joined(separator: ", "))]"
  }
}
