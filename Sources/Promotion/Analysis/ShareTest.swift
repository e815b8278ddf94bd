import Statistics

/// A sequential test of one claim about how bad the units of two models are, each in 0…1.
///
/// Scores are compared by the difference of their means, rare events by the ratio of their shares.
/// What a unit has shown can be taken out again when it shows more; what is left is the evidence of
/// the units as they are, to the bit.
struct ShareTest: Hashable, Sendable {
  fileprivate enum Form: Hashable, Sendable {
    case difference(BoundedMeanTest)
    case ratio(RelativeRiskTest)
  }

  /// Without data.
  private let blank: Form
  private var form: Form
  /// Whether the incumbent takes the candidate's part.
  private let isSwapped: Bool
  /// What a unit without anything bad adds, of which there are most; by model.
  private var clean: [Bool: CleanUnit] = [:]

  private struct CleanUnit: Hashable, Sendable {
    var propensity: Double
    var form: Form
  }

  private init(_ form: Form, isSwapped: Bool) {
    (blank, self.form, self.isSwapped) = (form, form, isSwapped)
  }

  /// Of the difference of mean goodness, in points.
  ///
  /// - Parameter effect: as for `BoundedMeanTest`
  init(
    difference claim: Claim, isSwapped: Bool, effect: Double, centring: Centring
  ) throws(StatisticsError) {
    self.init(
      .difference(
        try BoundedMeanTest(claim: claim, minimumDetectableEffect: effect, centring: centring)),
      isSwapped: isSwapped)
  }

  /// Of the ratio of mean badness.
  ///
  /// - Parameter plannedRatio: as for `RelativeRiskTest`
  init(ratio claim: Claim, isSwapped: Bool, plannedRatio: Double) throws(StatisticsError) {
    self.init(
      .ratio(try RelativeRiskTest(claim: claim, plannedRatio: plannedRatio)), isSwapped: isSwapped)
  }

  /// Takes a unit in.
  ///
  /// - Parameters:
  ///   - badness: in 0…1
  ///   - propensity: the chance of the candidate, in (0, 1), when the unit was assigned
  mutating func append(badness: Double, isCandidate: Bool, propensity: Double) {
    guard badness == 0 else {
      form.append(unit(badness, isCandidate, propensity))
      return
    }
    form.merge(cleanUnit(isCandidate, propensity))
  }

  /// Takes a unit out that was taken in with the same numbers.
  mutating func withdraw(badness: Double, isCandidate: Bool, propensity: Double) {
    guard badness == 0 else {
      var part = blank
      part.append(unit(badness, isCandidate, propensity))
      form.withdraw(part)
      return
    }
    form.withdraw(cleanUnit(isCandidate, propensity))
  }

  /// Adds the evidence of other units about the same claim.
  mutating func merge(_ other: ShareTest) { form.merge(other.form) }

  /// ln E now; 0 without data.
  var logEvidence: Double { form.test.logEvidence }

  /// Units that counted.
  var observations: Int { form.test.evidence.observations }

  /// See ``SequentialTest/observationsMissing(alpha:planned:)``.
  func observationsMissing(alpha: Double, planned: SampleSizePlanner.Forecast?) -> Int? {
    form.test.observationsMissing(alpha: alpha, planned: planned)
  }

  private func unit(
    _ badness: Double, _ isCandidate: Bool, _ propensity: Double
  ) -> (badness: Double, isTreatment: Bool, propensity: Double) {
    (badness, isCandidate != isSwapped, isSwapped ? 1 - propensity : propensity)
  }

  private mutating func cleanUnit(_ isCandidate: Bool, _ propensity: Double) -> Form {
    if let known = clean[isCandidate], known.propensity == propensity { return known.form }
    var part = blank
    part.append(unit(0, isCandidate, propensity))
    clean[isCandidate] = CleanUnit(propensity: propensity, form: part)
    return part
  }

  /// Equal evidence is equal, whatever is remembered to make more of it.
  static func == (left: ShareTest, right: ShareTest) -> Bool {
    left.form == right.form && left.isSwapped == right.isSwapped
  }

  func hash(into hasher: inout Hasher) { hasher.combine(form) }
}

extension ShareTest.Form {
  fileprivate var test: any SequentialTest {
    switch self {
    case .difference(let test): test
    case .ratio(let test): test
    }
  }

  fileprivate mutating func append(
    _ unit: (badness: Double, isTreatment: Bool, propensity: Double)
  ) {
    switch self {
    case .difference(var test):
      test.append(
        outcome: 1 - unit.badness, isTreatment: unit.isTreatment, propensity: unit.propensity)
      self = .difference(test)
    case .ratio(var test):
      test.append(
        share: unit.badness, isTreatment: unit.isTreatment, propensity: unit.propensity)
      self = .ratio(test)
    }
  }

  // Tests of one claim, as these are, always add up.

  fileprivate mutating func merge(_ other: Self) {
    switch (self, other) {
    case (.difference(var test), .difference(let part)):
      try? test.merge(part)
      self = .difference(test)
    case (.ratio(var test), .ratio(let part)):
      try? test.merge(part)
      self = .ratio(test)
    case (.difference, .ratio), (.ratio, .difference): break
    }
  }

  fileprivate mutating func withdraw(_ other: Self) {
    switch (self, other) {
    case (.difference(var test), .difference(let part)):
      try? test.withdraw(part)
      self = .difference(test)
    case (.ratio(var test), .ratio(let part)):
      try? test.withdraw(part)
      self = .ratio(test)
    case (.difference, .ratio), (.ratio, .difference): break
    }
  }
}

extension SequentialTest {
  /// Observations still missing until the test proves its claim, if evidence goes on growing at the
  /// rate it has grown so far; while it does not grow, what half of such tests take from a start
  /// like this one; `nil` when neither can be told.
  func observationsMissing(alpha: Double, planned: SampleSizePlanner.Forecast?) -> Int? {
    let grown = logEvidence
    guard evidence.observations > 0 else { return nil }
    guard grown > 0 else {
      return planned?.requests(forShare: 0.5).map { Int(min($0, 1e12).rounded(.up)) }
    }
    let missing = (-Double.log(alpha) - grown) / (grown / Double(evidence.observations))
    return missing.isFinite && missing < 1e12 ? max(0, Int(missing.rounded(.up))) : nil
  }
}
