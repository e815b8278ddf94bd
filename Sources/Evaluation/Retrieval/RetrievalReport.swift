package import Statistics

/// How often a variant finds what it was told, at one length.
package struct RetrievalReport: Hashable, Sendable, Encodable {
  /// What was found of the questions with one depth.
  package struct Depth: Hashable, Sendable, Encodable {
    /// How much of the text stands before what was told, 0…1.
    package let depth: Double
    package let found: Int
    package let trials: Int
  }

  package let found: Int
  package let trials: Int
  /// Of `found` / `trials`: Wilson's interval, 95 %.
  package let lower: Double
  package let upper: Double
  /// By depth where depths were asked for, in their order; else `nil`.
  package let byDepth: [Depth]?
  /// Whether each question was answered. Questions are the same for all variants, in one order, so
  /// that two variants are compared question by question.
  package let answered: [Bool]

  /// - Parameters:
  ///   - answered: for each question
  ///   - depths: of each question
  ///   - asked: the depths that were asked for; `nil` for ones that were drawn
  package init(answered: [Bool], depths: [Double], asked: [Double]?) {
    let found = answered.count { $0 }
    let interval = ProportionSummary(successes: found, trials: answered.count)
      .flatMap { FixedSampleInterval($0) }
    self.found = found
    trials = answered.count
    lower = interval?.lower ?? 0
    upper = interval?.upper ?? 1
    byDepth = asked?.map { depth in
      let there = zip(answered, depths).filter { $0.1 == depth }
      return Depth(depth: depth, found: there.count { $0.0 }, trials: there.count)
    }
    self.answered = answered
  }

  /// How this variant's share is below the reference's, question by question; `nil` where they were
  /// asked different numbers of questions.
  package func loss(against reference: RetrievalReport) -> PairedProportions? {
    PairedProportions(control: reference.answered, treatment: answered)
  }
}
