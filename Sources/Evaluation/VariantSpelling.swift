package import Transformer

/// An attention variant as people spell it on a command line: a kind, then what is changed.
///
///     flash
///     window:508+4              the last 508 positions and the first 4
///     quest:512                 the best blocks, 512 keys in all; moba:512/64 in blocks of 64
///     hybrid:512                sinks, a window and the best blocks; hybrid-quest:512/16
///     gated:512                 sinks, a window and the best blocks by a learned gate
///     flash,yarn:2              RoPE stretched twofold; linear, ntk and dynamicNTK too
///     flash,context:12288       flash, with room for 12,288 tokens
///
/// New kinds and changes have one place each: `attention(_:_:)` and `apply(_:_:)`.
package struct VariantSpelling: Hashable, Sendable {
  /// What was written; names the variant in reports.
  package let text: String
  ///
  /// Of `gated`, what needs no gate: `flash`.
  package private(set) var attention: AttentionKind = .flash
  /// Keys in all of attention that needs a gate.
  private var gatedKeys: Int?
  /// Keys in a block, if that was written: the gate's must be the same.
  private var gatedBlockSize: Int?
  package private(set) var scaling: RotaryScaling = .none
  /// `nil` for the context that the model was trained on.
  package private(set) var context: Int?

  /// For messages.
  private static let kinds = [
    "dense", "flash", "window:508+4", "quest:512", "moba:512/64", "hybrid:512", "hybrid-quest:512",
    "gated:512",
  ]
  private static let changes = ["context:12288", "linear:2", "ntk:2", "dynamicNTK:2", "yarn:2"]

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
    if kind.name == "gated", let value = kind.value {
      (gatedKeys, gatedBlockSize) = try Self.keys(kind.name, value, text)
    } else {
      attention = try Self.attention(kind, text)
    }
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
    case ("quest", let value?), ("moba", let value?), ("hybrid", let value?),
      ("hybrid-quest", let value?):
      return try chosen(word.name, value, text)
    default: throw unknown("attention", word, among: kinds, in: text)
    }
  }

  /// Kinds that choose blocks: `KEYS` or `KEYS/BLOCK`.
  private static func chosen(
    _ name: String, _ value: String, _ text: String
  ) throws(EvaluationError) -> AttentionKind {
    let (keys, block) = try keys(name, value, text)
    let size = block ?? (name == "moba" ? 64 : 16)
    do throws(TransformerError) {
      switch name {
      case "quest": return .blockSparse(try BlockSparse(.quest, blockSize: size, keys: keys))
      case "moba": return .blockSparse(try BlockSparse(.moba, blockSize: size, keys: keys))
      case "hybrid": return .hybrid(try Hybrid(.means, blockSize: size, keys: keys))
      default: return .hybrid(try Hybrid(.quest, blockSize: size, keys: keys))
      }
    } catch {
      throw EvaluationError(.invalidRequest, "'\(text)': \(error.message)")
    }
  }

  private static func keys(
    _ name: String, _ value: String, _ text: String
  ) throws(EvaluationError) -> (keys: Int, blockSize: Int?) {
    let numbers = value.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(numbers.count), let keys = numbers[0], let block = numbers.last ?? nil
    else {
      throw EvaluationError(
        .invalidRequest, "'\(text)': \(name) is spelled \(name):KEYS or \(name):KEYS/BLOCK")
    }
    return (keys, numbers.count == 2 ? block : nil)
  }

  /// What was spelled, with the gate that it may need.
  private func attention(_ gate: Gate?) throws(TransformerError) -> AttentionKind {
    guard let keys = gatedKeys else { return attention }
    guard let gate else {
      throw TransformerError(
        .invalidRequest, "'\(text)' needs a gate; name its file with --gate")
    }
    guard gatedBlockSize ?? gate.blockSize == gate.blockSize else {
      throw TransformerError(
        .invalidRequest, "'\(text)': the gate is for blocks of \(gate.blockSize) keys")
    }
    return .gated(try Gated(gate, keys: keys))
  }

  private mutating func apply(_ word: Word, _ text: String) throws(EvaluationError) {
    switch (word.name, word.value.flatMap { Double($0) }) {
    case ("context", let length?) where length >= 1 && length <= Double(1 << 24):
      context = Int(length)
    case ("linear", let factor?): scaling = .linear(factor: factor)
    case ("ntk", let factor?): scaling = .ntk(factor: factor)
    case ("dynamicNTK", let factor?): scaling = .dynamicNTK(factor: factor)
    case ("yarn", let factor?): scaling = .yarn(factor: factor)
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
  /// A context beyond what the rotation is good for is allowed here, because to see what becomes of
  /// it is one of the reasons to measure.
  ///
  /// - Parameters:
  ///   - least: positions that the context has at least; a spelled context is at least that
  ///   - gate: what `gated` attention chooses by
  /// - Throws: what the engine says of parameters without meaning.
  package func variant(
    of weights: Weights, contextLength least: Int = 0, gate: Gate? = nil
  ) throws(TransformerError) -> ModelVariant {
    let attention = try attention(gate)
    let parameters = weights.parameters
    let tables = try RotaryTables(parameters, scaling: scaling)
    let length = max(context ?? tables.contextLength, least)
    var streams = false
    if case .slidingWindow = attention { streams = true }
    guard length > tables.contextLength, !streams, scaling == .none else {
      return try ModelVariant(
        name: text, weights: weights, attention: attention, rotary: tables, contextLength: length)
    }
    return try ModelVariant(
      name: text, weights: weights, attention: attention,
      rotary: RotaryTables(RotaryTable(parameters), contextLength: length), contextLength: length)
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
