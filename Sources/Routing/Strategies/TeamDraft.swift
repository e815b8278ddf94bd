package import Experimentation
import Statistics

/// Interleaving: whose answer stands in which place of one that has several choices.
///
/// Team draft (Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval
/// quality?", CIKM 2008): places are given out one by one, each to the team with the fewest so far,
/// by a coin where several have as few. For more than two teams that is team-draft multileaving
/// (Schuth, Sietsma, Whiteson, Lefortier and de Rijke, "Multileaved comparisons for fast online
/// evaluation", CIKM 2014). So nobody is ahead by more than one place, and every team is as likely
/// as another in every place: models that answer alike are chosen equally often.
package enum TeamDraft {
  /// The team of each of `places`; the same salt and request give the same ones.
  ///
  /// - Parameters:
  ///   - teams: at least one, each once
  ///   - places: how many choices are asked for; none below 1
  package static func draft(
    _ teams: [ModelName], places: Int, requestID: String, salt: String
  ) -> [ModelName] {
    guard !teams.isEmpty, places > 0 else { return [] }
    var draft: [ModelName] = []
    // Of those with as few places as any: all at the beginning of a round, fewer within it.
    var waiting = teams
    for place in 0..<places {
      if waiting.isEmpty { waiting = teams }
      let draw = StableHash.place(
        salt: "\(salt)/draft", unit: requestID, draw: UInt64(place))
      // A place is below 1, and a product that rounds up to the count would be beyond.
      draft.append(waiting.remove(at: min(Int(draw * Double(waiting.count)), waiting.count - 1)))
    }
    return draft
  }
}

/// Who takes part where answers with several choices are interleaved.
package struct InterleavingRule: Hashable, Sendable {
  /// The incumbent first, then the candidates.
  package var teams: [ModelName]
  /// Requests with more choices are the incumbent's alone.
  package var greatestChoices: Int

  package init(teams: [ModelName], greatestChoices: Int) {
    self.teams = teams
    self.greatestChoices = greatestChoices
  }
}
