/// What people's labels make of what a judge says of one candidate: for people and the journal,
/// beside the judge's own numbers.
package struct JudgeCorrection: Hashable, Sendable, Codable {
  /// Pairs that people have labelled.
  package var labels: Int
  /// Labels until the correction may decide, as far as it can be told; `nil` when nothing is
  /// missing.
  package var labelsMissing: Int?
  /// How much people prefer the candidate's answers, as the gate's own estimate is written: a
  /// difference from one half. `nil` without labels.
  package var estimate: Double?
  /// Bounds that hold at every look at once, with probability 1 − alpha; `nil` while there are too
  /// few labels.
  package var lowerBound: Double?
  package var upperBound: Double?

  package init(
    labels: Int, labelsMissing: Int? = nil, estimate: Double? = nil, lowerBound: Double? = nil,
    upperBound: Double? = nil
  ) {
    self.labels = labels
    self.labelsMissing = labelsMissing
    self.estimate = estimate
    self.lowerBound = lowerBound
    self.upperBound = upperBound
  }
}
