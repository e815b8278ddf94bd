/// A model that says which of two answers to one prompt is the better one: `judge:` of a rollout.
///
/// Never one of the models of its own trial: models prefer what they wrote themselves (Panickssery
/// et al. 2024).
package struct JudgePolicy: Hashable, Sendable, Codable {
  package var model: ModelName
  /// What makes an answer better, in the operator's words; 1 to 512 characters.
  package var rubric: String
  /// The share of pairs that it is asked about.
  package var share: Share
  /// Pairs that it looks at at once, 1…64.
  package var concurrency: Int
  /// Prompt and answer tokens that it may spend a day, or `nil` for no such bound.
  package var tokensPerDay: Int?
  /// What people are asked about; `nil` keeps no text of anybody's.
  package var labels: LabelPlan?

  package init(
    model: ModelName, rubric: String, share: Share = .all, concurrency: Int = 1,
    tokensPerDay: Int? = nil, labels: LabelPlan? = nil
  ) {
    self.model = model
    self.rubric = rubric
    self.share = share
    self.concurrency = concurrency
    self.tokensPerDay = tokensPerDay
    self.labels = labels
  }
}
