import Experimentation

/// Who is judging how much: a bound on what is under way and on a day's tokens, for each judge.
///
/// A value without clock or tasks; ``JudgeDesk`` acts on what it says. As many entries as there are
/// judges in policies. Kept in memory: a restart gives the budget back.
struct JudgeLedger {
  private struct Entry {
    var running = 0
    var day: Int64 = 0
    var tokens = 0
  }

  private var entries: [ModelName: Entry] = [:]

  /// Takes a place, or says why there is none.
  ///
  /// - Parameter day: days since 1970, UTC
  mutating func enter(_ judge: JudgePolicy, day: Int64) -> JudgeOutcome? {
    var entry = entries[judge.model] ?? Entry()
    if entry.day != day { (entry.day, entry.tokens) = (day, 0) }
    defer { entries[judge.model] = entry }
    if let bound = judge.tokensPerDay, entry.tokens >= bound { return .tokenBudget }
    guard entry.running < judge.concurrency else { return .busy }
    entry.running += 1
    return nil
  }

  /// Gives the place back.
  mutating func leave(_ model: ModelName, tokens: Int) {
    entries[model]?.running -= 1
    entries[model]?.tokens += tokens
  }
}

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
}
