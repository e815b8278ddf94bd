import Quality

/// What became of a pair that a judge should look at: the label of a counter.
enum JudgeOutcome: String, CaseIterable {
  case candidate, incumbent, tie, contradiction
  /// The judge's last line is no verdict.
  case unparsed
  /// The judge gave no whole answer.
  case failed
  /// It looks at as many pairs as it may.
  case busy
  /// The day's tokens are spent.
  case tokenBudget
  /// Question or answer is too long to be shown whole.
  case tooLong
  /// The question is more than text.
  case notText
  /// The judge is not ready.
  case noBackend

  init(_ pair: JudgedPair) {
    switch pair {
    case .candidate: self = .candidate
    case .incumbent: self = .incumbent
    case .tie: self = .tie
    case .contradiction: self = .contradiction
    }
  }

  init(_ refusal: SideLedger.Refusal) {
    switch refusal {
    case .busy: self = .busy
    case .tokenBudget: self = .tokenBudget
    }
  }
}
