/// What was measured of one variant at one length.
package struct EvaluationRow: Hashable, Sendable, Encodable {
  package let variant: String
  /// Whether the others are measured against this one.
  package let isReference: Bool
  /// Tokens of a window, or of prompt and answer.
  package let length: Int
  /// The share of earlier keys that is attended to, 0…1; `nil` where the content decides.
  package let keysSeen: Double?
  /// Each `nil` where its suite was not asked for.
  package internal(set) var perplexity: PerplexityReport?
  package internal(set) var passkey: RetrievalReport?
  package internal(set) var needle: RetrievalReport?
  /// What gates say of it; `nil` where there are none, and for the reference.
  package internal(set) var judgements: [QualityJudgement]?

  package init(
    variant: String, isReference: Bool, length: Int, keysSeen: Double?,
    perplexity: PerplexityReport? = nil, passkey: RetrievalReport? = nil,
    needle: RetrievalReport? = nil
  ) {
    self.variant = variant
    self.isReference = isReference
    self.length = length
    self.keysSeen = keysSeen
    self.perplexity = perplexity
    self.passkey = passkey
    self.needle = needle
  }

  /// What was found of a suite.
  package func retrieval(_ suite: RetrievalSuite) -> RetrievalReport? {
    switch suite {
    case .passkey: passkey
    case .needle: needle
    }
  }

  /// The gravest of what gates say; `nil` where none says anything.
  package var verdict: QualityVerdict? { judgements?.map(\.verdict).max() }
}

extension [EvaluationRow] {
  /// The same rows with what `gates` say of each candidate, against the reference of its length.
  package func judged(by gates: [QualityGate]) -> [EvaluationRow] {
    map { row in
      guard !row.isReference,
        let reference = first(where: { $0.isReference && $0.length == row.length })
      else { return row }
      var row = row
      row.judgements = gates.compactMap { QualityJudgement($0, row, against: reference) }
      return row
    }
  }
}
