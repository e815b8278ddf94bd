import Experimentation

/// Somebody who is asked aside about pairs, within bounds of its own.
protocol AskedAside {
  var model: ModelName { get }
  /// Pairs that it looks at at once.
  var concurrency: Int { get }
  var tokensPerDay: Int? { get }
}

extension JudgePolicy: AskedAside {}
extension EmbeddingPolicy: AskedAside {}

/// Who looks at how many pairs: a bound on what is under way and on a day's tokens, for each model.
///
/// A value without clock or tasks; ``JudgeDesk`` and ``EmbeddingDesk`` act on what theirs says. As
/// many entries as there are models in policies. Kept in memory: a restart gives the budget back.
struct SideLedger {
  /// Why there is no place.
  enum Refusal { case busy, tokenBudget }

  private struct Entry {
    var running = 0
    var day: Int64 = 0
    var tokens = 0
  }

  private var entries: [ModelName: Entry] = [:]

  /// Takes a place, or says why there is none.
  ///
  /// - Parameter day: days since 1970, UTC
  mutating func enter(_ asked: some AskedAside, day: Int64) -> Refusal? {
    var entry = entries[asked.model] ?? Entry()
    if entry.day != day { (entry.day, entry.tokens) = (day, 0) }
    defer { entries[asked.model] = entry }
    if let bound = asked.tokensPerDay, entry.tokens >= bound { return .tokenBudget }
    guard entry.running < asked.concurrency else { return .busy }
    entry.running += 1
    return nil
  }

  /// Gives the place back.
  mutating func leave(_ model: ModelName, tokens: Int) {
    entries[model]?.running -= 1
    entries[model]?.tokens += tokens
  }
}
