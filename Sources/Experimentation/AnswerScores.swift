/// What a score is of: a metric that only policies which ask for it have, or a check by its name.
///
/// Metrics have a capital letter in their name and checks, which are named like models, have none,
/// so that the two never meet.
package struct ScoreID: Hashable, Sendable, Comparable {
  /// `rougeL`, or the name of a check: `parses`.
  package let text: String

  /// The score of a metric that is measured of answers or pairs alike.
  package init(_ metric: Metric) { text = metric.rawValue }

  /// The score of a check.
  package init(check name: String) { text = name }

  /// A score that was written down.
  package init(stored text: String) { self.text = text }

  package static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

/// What was measured of an answer, or of a pair, because a policy asked for it.
///
/// A value that is not there was not measured, which is never 0. As exact as a `Float`: rows are
/// many, and a quarter of a millionth decides nothing.
package struct AnswerScores: Hashable, Sendable {
  /// Of one answer or pair, at most: more are not kept.
  package static let capacity = 64

  private var values: [ScoreID: Float] = [:]

  /// Nothing measured.
  package init() {}

  package var isEmpty: Bool { values.isEmpty }

  /// The score, or `nil` when it was not measured. What is not finite is not kept.
  package subscript(id: ScoreID) -> Double? {
    get { values[id].map(Double.init) }
    set {
      guard let newValue else {
        values[id] = nil
        return
      }
      let value = Float(newValue)
      guard value.isFinite, values[id] != nil || values.count < Self.capacity else { return }
      values[id] = value
    }
  }

  /// All of them, in the order of their names.
  package var sorted: [(id: ScoreID, value: Float)] {
    values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
