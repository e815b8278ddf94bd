package import Transformer

/// An attention variant as people spell it on a command line: a kind, then what is changed.
///
///     flash
///     window:508+4              the last 508 positions and the first 4
///     flash,context:12288       flash, with room for 12,288 tokens
///
/// New kinds and changes have one place each: `attention(_:_:)` and `apply(_:_:)`.
package struct VariantSpelling: Hashable, Sendable {
  /// What was written; names the variant in reports.
  package let text: String
  package private(set) var attention: AttentionKind = .flash
  /// `nil` for the context that the model was trained on.
  package private(set) var context: Int?

  /// For messages.
  private static let kinds = ["dense", "flash", "window:508+4"]
  private static let changes = ["context:12288"]

  /// Reads a spelling.
  ///
  /// - Throws: `invalidRequest` with what was found, what there is, and the nearest name.
  package init(_ text: String) throws(EvaluationError) {
    self.text = text
    guard text.utf8.count <= 256 else {
      throw EvaluationError(.invalidRequest, "a variant is spelled with at most 256 characters")
    }
    var words = text.split(separator: ",", omittingEmptySubsequences: false).map(Word.init)
    let kind = words.removeFirst()
    attention = try Self.attention(kind, text)
    for word in words { try apply(word, text) }
  }

  /// `name:value`, or a name alone.
  private struct Word {
    let name: String
    let value: String?

    init(_ text: Substring) {
      let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      name = parts.first.map(String.init) ?? ""
      value = parts.count > 1 ? String(parts[1]) : nil
    }
  }

  private static func attention(
    _ word: Word, _ text: String
  ) throws(EvaluationError) -> AttentionKind {
    switch (word.name, word.value) {
    case ("dense", nil): return .dense
    case ("flash", nil): return .flash
    case ("window", let value?):
      let numbers = value.split(separator: "+", omittingEmptySubsequences: false).map { Int($0) }
      guard numbers.count == 2, let window = numbers[0], let sinks = numbers[1], window >= 1,
        sinks >= 0
      else {
        throw EvaluationError(
          .invalidRequest,
          "'\(text)': a window is spelled window:POSITIONS+SINKS, such as window:508+4")
      }
      return .slidingWindow(window: window, sinks: sinks)
    default: throw unknown("attention", word, among: kinds, in: text)
    }
  }

  private mutating func apply(_ word: Word, _ text: String) throws(EvaluationError) {
    switch (word.name, word.value.flatMap { Int($0) }) {
    case ("context", let length?): context = length
    default: throw Self.unknown("change", word, among: Self.changes, in: text)
    }
  }

  private static func unknown(
    _ what: String, _ word: Word, among spellings: [String], in text: String
  ) -> EvaluationError {
    let names = spellings.map { String($0.prefix { $0 != ":" }) }
    let nearest = zip(names, spellings).min {
      distance($0.0, word.name) < distance($1.0, word.name)
    }
    let isNear = nearest.map { distance($0.0, word.name) <= max(1, $0.0.count / 2) } ?? false
    let suggestion = isNear ? "; did you mean '\(nearest?.1 ?? "")'?" : ""
    return EvaluationError(
      .invalidRequest,
      "'\(text)': there is no \(what) '\(word.name)' spelled like this. There are "
        + "\(spellings.joined(separator: ", "))\(suggestion)")
  }

  /// Levenshtein's distance, over short names.
  private static func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(left), Array(right.prefix(64)))
    var row = Array(0...right.count)
    for (i, letter) in left.enumerated() {
      var corner = row[0]
      row[0] = i + 1
      for (j, other) in right.enumerated() {
        let next = min(row[j] + 1, row[j + 1] + 1, corner + (letter == other ? 0 : 1))
        corner = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[right.count]
  }

  /// The variant of `weights` that is spelled so.
  ///
  /// - Throws: what the engine says of parameters without meaning.
  package func variant(of weights: Weights) throws(TransformerError) -> ModelVariant {
    try ModelVariant(name: text, weights: weights, attention: attention, contextLength: context)
  }
}

extension AttentionKind {
  /// The share of earlier keys, the query's own included, that the queries of a text of `length`
  /// positions attend to, all together: 0…1. `nil` where the content decides.
  package func keysSeen(length: Int) -> Double? {
    if self == .dense || self == .flash { return 1 }
    guard case .slidingWindow(let window, let sinks) = self, length >= 1 else { return nil }
    // A query at place p has p + 1 keys, of which it sees window + sinks at most.
    let reach = min(length, window + sinks)
    let seen = reach * (reach + 1) / 2 + (length - reach) * reach
    return Double(seen) / Double(length * (length + 1) / 2)
  }
}
