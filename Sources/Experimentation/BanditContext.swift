/// What of a request a bandit's shares hang on: a grid of cells, of which each request is in one
/// before it is routed.
///
/// A cell is a combination of a length of prompt and of labels' values. What is not known, or is
/// none of the values that the policy names, has a cell of its own: every request is in a cell, and
/// there are few, whatever clients write.
package struct BanditContext: Hashable, Sendable, Codable {
  /// Whether the length of the prompt, as it is estimated before routing, counts.
  package var usesPromptLength: Bool
  /// Members of the request's `metadata` that count.
  package var labels: [Label]

  /// One member with the values that are told apart.
  package struct Label: Hashable, Sendable, Codable {
    package var key: String
    /// Each once; any other value, and none, are told from them together.
    package var values: [String]

    package init(key: String, values: [String]) {
      self.key = key
      self.values = values
    }
  }

  package init(usesPromptLength: Bool = false, labels: [Label] = []) {
    self.usesPromptLength = usesPromptLength
    self.labels = labels
  }

  /// The most cells of a policy.
  package static let greatestCellCount = 64

  /// How many values each feature has.
  private var sizes: [Int] {
    (usesPromptLength ? [PromptBand.allCases.count] : []) + labels.map { $0.values.count + 1 }
  }

  /// How many cells there are, at least 1.
  package var cellCount: Int { sizes.reduce(1, *) }

  /// The cell of a request, in 0..<`cellCount`.
  ///
  /// - Parameters:
  ///   - promptTokens: as estimated; `nil` where it cannot be
  ///   - labels: the texts of its `metadata`
  package func cell(promptTokens: Int?, labels said: [String: String]) -> Int {
    var levels = labels.map { label in
      said[label.key].flatMap { label.values.firstIndex(of: $0) } ?? label.values.count
    }
    if usesPromptLength { levels.insert(PromptBand(tokens: promptTokens).rawValue, at: 0) }
    return zip(sizes, levels).reduce(0) { $0 * $1.0 + $1.1 }
  }

  /// What requests may say that decides about their cell.
  package var requestLabels: [RequestLabel] {
    labels.flatMap { label in label.values.map { RequestLabel(key: label.key, value: $0) } }
  }

  /// The cell of a request of which nothing is known.
  package var unknownCell: Int { cell(promptTokens: nil, labels: [:]) }

  /// Which value each feature has in a cell: requests of two cells are alike in what is equal.
  package func levels(of cell: Int) -> [Int] {
    var (rest, levels) = (cell, [Int]())
    for size in sizes.reversed() {
      levels.insert(rest % size, at: 0)
      rest /= size
    }
    return levels
  }

  /// A cell for people: `256–1023 tokens, tier=gold`.
  package func name(of cell: Int) -> String {
    var levels = levels(of: cell)[...]
    var parts: [String] = []
    if usesPromptLength, let band = levels.popFirst().flatMap(PromptBand.init) {
      parts.append("\(band) tokens")
    }
    for (label, level) in zip(labels, levels) {
      parts.append(
        level < label.values.count ? "\(label.key)=\(label.values[level])" : "\(label.key) other")
    }
    return parts.joined(separator: ", ")
  }
}
