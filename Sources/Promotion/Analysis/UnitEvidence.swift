import Experimentation
import Statistics

/// What the answers of one step show of a gate, by assignment unit.
///
/// Where units stay on their model, a user with a thousand requests is one observation, not a
/// thousand: analysing requests as if they were independent takes back 17–41 % of harmless
/// candidates (STATISTICS 4 and T7). A unit's badness is the mean of its answers', which goes on
/// changing with them; the tests are exact over units whose answers are complete, as any analysis
/// by unit is. Without missing values they hang on what units have shown, not on the order.
///
/// Of what should be measured and was not, each value counts in `sparing` alone, as bad. A pass
/// must hold there, too: a candidate gains nothing from refusing what is slow, nor, since it must
/// hold without them as well, from an incumbent that fails (STATISTICS 2(b): never drop what timed
/// out). Where one model's values go missing oftener, those that are there are no longer shared
/// out by the propensity; the other two tests then weigh them by how often each model's were there
/// before, so that they are exact without missing values and close to it with some.
struct UnitEvidence: Hashable, Sendable {
  /// Units held at most; answers of units beyond are left out, which by then decides nothing.
  static let capacity = 1_000_000

  /// What one answer shows.
  enum Answer: Hashable, Sendable {
    /// - Parameters:
    ///   - badness: in 0…1, for the tests
    ///   - coordinate: for people (``GateBorder/coordinate(_:)``)
    case value(badness: Double, coordinate: Double)
    case missing
  }

  /// The tests of a gate, without data or with the units that are in.
  struct Tests: Hashable, Sendable {
    var passing: ShareTest
    var sparing: ShareTest
    var failing: ShareTest
  }

  /// Sums over a unit's answers.
  private struct Unit: Hashable {
    var isCandidate: Bool
    /// The chance of the candidate when the unit was assigned; `nil` says nothing.
    var propensity: Double?
    /// That among units with values.
    var measuredPropensity: Double?
    var badness = 0.0
    var coordinates = 0.0
    var values = 0
    var missing = 0

    mutating func add(_ answer: Answer) {
      switch answer {
      case .value(let badness, let coordinate):
        self.badness += badness
        coordinates += coordinate
        values += 1
      case .missing: missing += 1
      }
    }
  }

  /// Counts and means of one model, for people.
  struct Side: Hashable, Sendable {
    /// Values and missing values, answer by answer.
    fileprivate(set) var values = 0
    fileprivate(set) var missing = 0
    /// Units with something bad.
    fileprivate(set) var unitsWithBad = 0
    fileprivate var means = MovingSample()

    /// The share of answers with a value so far; 1 without any.
    fileprivate var measuredShare: Double { Double(values + 1) / Double(values + missing + 1) }

    /// One mean of coordinates for each unit.
    var units: SampleSummary { means.summary }
  }

  private let isSticky: Bool
  /// The badness of a missing value.
  private let worst: Double
  private(set) var tests: Tests
  private(set) var incumbent = Side()
  private(set) var candidate = Side()
  /// Empty when every answer is a unit of its own.
  private var units: [UInt64: Unit] = [:]

  init(_ tests: Tests, worst: Double, isSticky: Bool) {
    (self.tests, self.worst, self.isSticky) = (tests, worst, isSticky)
  }

  /// Begins with other tests, before any unit has a propensity: units that are there enter anew
  /// with their next answer.
  mutating func restart(_ tests: Tests) {
    self.tests = tests
    units = [:]
  }

  /// Which model the unit has in this step, if it is known to have one.
  func hasCandidate(_ unit: UInt64) -> Bool? { units[unit]?.isCandidate }

  /// Takes an answer in.
  ///
  /// - Parameter propensity: asked for at the unit's first answer. A unit without one is shown to
  ///   people and says nothing in the tests, for the whole step
  mutating func add(
    _ answer: Answer, of hash: UInt64, isCandidate: Bool, propensity: () -> Double?
  ) {
    guard isSticky else {
      var unit = unit(isCandidate, propensity())
      unit.add(answer)
      count(answer, isCandidate)
      return enter(unit, after: nil)
    }
    let before = units[hash]
    guard before != nil || units.count < Self.capacity else { return }
    var unit = before ?? unit(isCandidate, propensity())
    // A unit is of the model that it was given first.
    guard unit.isCandidate == isCandidate else { return }
    unit.add(answer)
    units[hash] = unit
    count(answer, isCandidate)
    if let before { leave(before) }
    enter(unit, after: before)
  }

  private func unit(_ isCandidate: Bool, _ propensity: Double?) -> Unit {
    Unit(
      isCandidate: isCandidate, propensity: propensity,
      measuredPropensity: propensity.map { propensity in
        if incumbent.missing == 0 && candidate.missing == 0 { return propensity }
        let own = propensity * candidate.measuredShare
        return own / (own + (1 - propensity) * incumbent.measuredShare)
      })
  }

  private mutating func count(_ answer: Answer, _ isCandidate: Bool) {
    change(isCandidate) { if case .value = answer { $0.values += 1 } else { $0.missing += 1 } }
  }

  private mutating func change(_ isCandidate: Bool, _ body: (inout Side) -> Void) {
    if isCandidate { body(&candidate) } else { body(&incumbent) }
  }

  private mutating func enter(_ unit: Unit, after before: Unit?) {
    if unit.values > 0 {
      let mean = unit.coordinates / Double(unit.values)
      change(unit.isCandidate) { side in
        if unit.badness > 0, !(before.map { $0.badness > 0 } ?? false) { side.unitsWithBad += 1 }
        if let before, before.values > 0 {
          side.means.replace(before.coordinates / Double(before.values), by: mean)
        } else {
          side.means.insert(mean)
        }
      }
    }
    weigh(unit) { test, badness, propensity in
      test.append(badness: badness, isCandidate: unit.isCandidate, propensity: propensity)
    }
  }

  private mutating func leave(_ unit: Unit) {
    weigh(unit) { test, badness, propensity in
      test.withdraw(badness: badness, isCandidate: unit.isCandidate, propensity: propensity)
    }
  }

  private mutating func weigh(_ unit: Unit, _ body: (inout ShareTest, Double, Double) -> Void) {
    guard let propensity = unit.propensity, let measured = unit.measuredPropensity else { return }
    if unit.values > 0 {
      let badness = min(unit.badness / Double(unit.values), 1)
      body(&tests.passing, badness, measured)
      body(&tests.failing, badness, measured)
    }
    let all = unit.badness + Double(unit.missing) * worst
    body(&tests.sparing, min(all / Double(unit.values + unit.missing), 1), propensity)
  }
}

// MARK: - Verdicts

extension UnitEvidence.Tests {
  /// Adds a verdict.
  ///
  /// A pass does not stand while the evidence of harm is beyond 1/√α: what sets in late is no
  /// contradiction to what was proven, and yet must not be promoted on it (STATISTICS 2(i)).
  ///
  /// - Parameters:
  ///   - logHarm: ln of the evidence that the objective is violated
  ///   - answersPerUnit: of the model with fewer answers, against all units that counted
  func decide(
    _ judgement: inout Judgement, logHarm: Double, levels: ErrorLevels, answersPerUnit: Double,
    forecast: SampleSizePlanner.Forecast?
  ) {
    let slower = passing.logEvidence < sparing.logEvidence ? passing : sparing
    judgement.logHarm = logHarm
    judgement.logProof = slower.logEvidence
    if logHarm >= -.log(levels.fail) {
      judgement.verdict = .fail
      judgement.explanation = Judgement.beyond
    } else if slower.logEvidence >= -.log(levels.pass), logHarm < -.log(levels.rollBack) / 2 {
      judgement.verdict = .pass
    } else {
      judgement.samplesMissing = slower.observationsMissing(
        alpha: levels.pass, planned: forecast
      ).map { Int((Double($0) * answersPerUnit).rounded(.up)) }
      judgement.explanation = "not shown yet"
    }
  }
}
