import Experimentation
import Statistics

/// What users say of the answers in a canary or split step, of those who say something.
///
/// The exact betting test of STATISTICS 2(b) on each unit's mean value, weighted by the propensity
/// of the step. Feedback is volunteered: who says nothing has no value, and silence is neither
/// good nor bad. That is sound where speaking up hangs on the person and not on the model. Then
/// those who speak are dealt to the models as everybody is, and a test of their ratio tells when
/// they are not: from then on nothing passes, since who speaks has changed, and not only what is
/// said. Harm that is shown stays shown, as with any ratio that is wrong (``SampleRatio``): those
/// who speak are less content, and traffic goes back on less than it goes forward on.
///
/// Units are centred on the mean of those before them, block by block, each twice as long as all
/// before: known before a block begins, as the bets need it to be, and close to the mean soon. So
/// a ratio that is off by less than its test can tell moves a test little, as the product of two
/// small errors.
///
/// Values are counted in thousandths, so the state is small, exact, and free of order within a
/// block. Where units stay on their model a unit's mean goes on changing with what it says; then
/// the test is exact over units that have said all they will.
struct FeedbackEvidence: Hashable, Sendable {
  /// The chance of ever crying wolf over responses that come as they should.
  private static let ratioAlpha = 0.01
  /// Units in the first block.
  private static let firstBlock = 32
  private static let scale = 1_000

  private struct UnitKey: Hashable {
    var hash: UInt64
    var isCandidate: Bool
  }

  /// All that a unit has said so far.
  private struct Unit: Hashable {
    var sum = 0
    var count = 0
    /// Given with its first word, and kept.
    var block: Int
    /// π when the answer was assigned of which it first said something.
    var propensity: Double

    var score: Int { (sum + count / 2) / max(1, count) }
  }

  private struct Mark: Hashable {
    var score: Int
    var isCandidate: Bool
    var propensity: Double

    var value: Double { Double(score) / Double(FeedbackEvidence.scale) }
  }

  let border: GateBorder
  private let levels: ErrorLevels
  /// π: the candidate's share of what it and the incumbent answer, at the step's beginning.
  private let propensity: Double
  private let claims: GateBorder.Claims
  /// How far from the border the truth is planned to be: where the tests are fastest.
  private let plannedEffect: Double
  /// The two tests before any unit.
  private let passing: BoundedMeanTest
  private let failing: BoundedMeanTest
  private var units: [UnitKey: Unit] = [:]
  /// Units by block and by what they said.
  private var blocks: [[Mark: Int]] = []
  private var incumbentValues = 0
  private var candidateValues = 0
  private var incumbentAsked: UnitCount
  private var candidateAsked: UnitCount
  /// Of those who speak, where shares have moved (STATISTICS 2(e)).
  private var ratio = try? SampleRatioTest()
  private var haveSharesMoved = false

  /// - Parameter propensity: in (0, 1)
  init(
    border: GateBorder, levels: ErrorLevels, isSticky: Bool, propensity: Double
  ) throws(StatisticsError) {
    self.border = border
    self.levels = levels
    self.propensity = propensity
    claims = border.meanClaims(margin: border.margin)
    plannedEffect = border.margin > 0 ? border.margin : 0.05
    passing = try BoundedMeanTest(
      claim: claims.pass, minimumDetectableEffect: plannedEffect, centring: .unknown)
    failing = try BoundedMeanTest(
      claim: claims.fail, minimumDetectableEffect: plannedEffect, centring: .unknown)
    incumbentAsked = UnitCount(isSticky: isSticky)
    candidateAsked = UnitCount(isSticky: isSticky)
  }

  /// Takes an answer in of which somebody may or may not say something.
  mutating func add(_ outcome: Outcome, isCandidate: Bool) {
    let unit = outcome.assignment.unitHash
    if isCandidate { candidateAsked.count(unit) } else { incumbentAsked.count(unit) }
  }

  /// Takes in what somebody said, in the order of assignment; its window has closed.
  ///
  /// - Parameter propensity: of the candidate when the answer was assigned
  mutating func add(_ feedback: Feedback, isCandidate: Bool, propensity: Double) {
    guard (0...1).contains(feedback.value) else { return }
    let key = UnitKey(hash: feedback.assignment.unitHash, isCandidate: isCandidate)
    let before = units[key]
    guard before != nil || units.count < UnitEvidence.capacity else { return }
    var unit = before ?? Unit(block: Self.block(of: units.count), propensity: propensity)
    if before == nil {
      ratio?.append(isTreatment: isCandidate, propensity: propensity)
      haveSharesMoved = haveSharesMoved || propensity != self.propensity
    }
    unit.sum += Int((feedback.value * Double(Self.scale)).rounded())
    unit.count += 1
    units[key] = unit
    if let before { count(before, isCandidate, -1) }
    count(unit, isCandidate, 1)
    if isCandidate { candidateValues += 1 } else { incumbentValues += 1 }
  }

  /// The block of the unit that has `index` units before it.
  private static func block(of index: Int) -> Int {
    var (block, end) = (0, firstBlock)
    while index >= end {
      block += 1
      end *= 2
    }
    return block
  }

  private mutating func count(_ unit: Unit, _ isCandidate: Bool, _ change: Int) {
    while blocks.count <= unit.block { blocks.append([:]) }
    let mark = Mark(
      score: unit.score, isCandidate: isCandidate, propensity: unit.propensity)
    let left = blocks[unit.block][mark, default: 0] + change
    blocks[unit.block][mark] = left == 0 ? nil : left
  }
}

// MARK: - Judging

extension FeedbackEvidence {
  func judgement(of model: ModelName, against other: ModelName, plannedCount: Int) -> Judgement {
    let (before, after) = (summary(isCandidate: false), summary(isCandidate: true))
    guard let incumbentMean = before.mean, let candidateMean = after.mean else {
      let silent = before.count == 0 ? other : model
      var judgement = Judgement.nothing(
        .noData, "nobody has said anything of '\(silent)' yet whose window has closed")
      judgement.response = response(before, after)
      return judgement
    }
    var judgement = Judgement(
      verdict: .inconclusive, interval: interval(before, after, plannedCount: plannedCount),
      incumbentMean: incumbentMean, candidateMean: candidateMean,
      samples: min(incumbentValues, candidateValues))
    judgement.response = response(before, after)
    let harm = evidence(failing, isSwapped: claims.isFailSwapped)
    judgement.logHarm = harm.logEvidence
    if harm.isRejected(alpha: levels.fail) {
      judgement.verdict = .fail
      judgement.explanation = Judgement.beyond
    } else if isMismatched(before.count, after.count) {
      judgement.verdict = .error
      judgement.explanation =
        "users of '\(other)' and of '\(model)' speak up unequally often: "
        + "\(spoken(judgement.response?.incumbent)) and \(spoken(judgement.response?.candidate)), "
        + "so that those who do cannot be compared"
    } else {
      decide(&judgement, before + after, logHarm: harm.logEvidence)
    }
    return judgement
  }

  /// A pass does not stand while the evidence of harm is beyond 1/√α (STATISTICS 2(i)).
  private func decide(_ judgement: inout Judgement, _ all: SampleSummary, logHarm: Double) {
    let proof = evidence(passing, isSwapped: false)
    judgement.logProof = proof.logEvidence
    if proof.isRejected(alpha: levels.pass), logHarm < -.log(levels.rollBack) / 2 {
      judgement.verdict = .pass
      return
    }
    let share = Double(judgement.samples) / Double(all.count)
    let variance = Centring(history: all).variance / (propensity * (1 - propensity))
    judgement.samplesMissing = proof.observationsMissing(
      alpha: levels.pass,
      planned: SampleSizePlanner.boundedMean(
        scoreVariance: variance, trueDistance: plannedEffect,
        minimumDetectableEffect: plannedEffect,
        greatestLoss: 1 / min(propensity, 1 - propensity), alpha: levels.pass)
    ).map { Int((Double($0) * share).rounded(.up)) }
    judgement.explanation =
      "not shown yet; \(spoken(judgement.response?.incumbent)) and "
      + "\(spoken(judgement.response?.candidate)) of users said something"
  }

  private func spoken(_ share: Double?) -> String {
    guard let share else { return "an unknown share" }
    return "\((share * 1_000).rounded() / 10) %"
  }

  /// Whether those who speak are not dealt to the models as everybody is (STATISTICS 2(e)).
  private func isMismatched(_ incumbent: Int, _ candidate: Int) -> Bool {
    let evidence =
      haveSharesMoved
      ? ratio?.logEvidence
      : SampleRatioTest.logEvidence(
        counts: [incumbent, candidate], shares: [1 - propensity, propensity])
    return evidence.map { $0 >= -Double.log(Self.ratioAlpha) } ?? false
  }

  private func response(_ before: SampleSummary, _ after: SampleSummary) -> ResponseRates {
    ResponseRates(
      incumbent: incumbentAsked.share(before.count), candidate: candidateAsked.share(after.count))
  }

  /// One observation for each unit of a model.
  private func summary(isCandidate: Bool) -> SampleSummary {
    blocks.reduce(SampleSummary()) { sum, block in
      sum + Self.summary(block.filter { $0.key.isCandidate == isCandidate })
    }
  }

  private static func summary(_ block: [Mark: Int]) -> SampleSummary {
    // In a fixed order, so that the same units give the same bits.
    block.sorted {
      ($0.key.score, $0.key.isCandidate ? 1 : 0, $0.key.propensity)
        < ($1.key.score, $1.key.isCandidate ? 1 : 0, $1.key.propensity)
    }
    .compactMap { SampleSummary(count: $0.value, mean: $0.key.value, squaredDeviations: 0) }
    .reduce(SampleSummary(), +)
  }

  /// For people; bounded only once enough units of each model said other than most.
  private func interval(
    _ before: SampleSummary, _ after: SampleSummary, plannedCount: Int
  ) -> ConfidenceInterval? {
    guard let incumbentMean = before.mean, let candidateMean = after.mean else { return nil }
    let isMixed = [false, true].allSatisfy { isCandidate in
      let counts = blocks.reduce(into: [Int: Int]()) { counts, block in
        for (mark, units) in block where mark.isCandidate == isCandidate {
          counts[mark.score, default: 0] += units
        }
      }
      let all = counts.values.reduce(0, +)
      return all - (counts.values.max() ?? 0) >= AsymptoticConfidenceSequence.leastEvents
    }
    if isMixed,
      let bounded = AsymptoticConfidenceSequence.difference(
        control: before, treatment: after, alpha: levels.pass, plannedCount: plannedCount)
    {
      return bounded
    }
    return ConfidenceInterval(
      estimate: candidateMean - incumbentMean, lower: -.infinity, upper: .infinity)
  }

  /// The evidence of all units as they are now.
  ///
  /// - Parameter isSwapped: whether the incumbent takes the candidate's part
  /// - Complexity: O(kinds of marks · log units), at most 2 002 kinds in each block for each
  ///   table that it saw
  private func evidence(_ blank: BoundedMeanTest, isSwapped: Bool) -> BoundedMeanTest {
    var (all, blank) = (blank, blank)
    var earlier = SampleSummary()
    for block in blocks {
      blank.startStep(centring: Centring(history: earlier))
      for (mark, count) in block {
        var some = blank
        some.append(
          outcome: mark.value, isTreatment: mark.isCandidate != isSwapped,
          propensity: isSwapped ? 1 - mark.propensity : mark.propensity)
        add(some, times: count, to: &all)
      }
      earlier = earlier + Self.summary(block)
    }
    return all
  }

  /// The evidence of k equal units is that of one, doubled and added.
  private func add(_ one: BoundedMeanTest, times count: Int, to sum: inout BoundedMeanTest) {
    var (some, left) = (one, count)
    while left > 0 {
      // Tests of one claim, as these are, always add up.
      if left & 1 == 1 { try? sum.merge(some) }
      left >>= 1
      if left > 0 {
        let same = some
        try? some.merge(same)
      }
    }
  }
}

/// Which part of each model's units had something to say; `nil` without units.
struct ResponseRates: Hashable, Sendable {
  var incumbent: Double?
  var candidate: Double?
}

/// How many units a model has answered.
private struct UnitCount: Hashable, Sendable {
  private let isSticky: Bool
  /// Empty when every answer is a unit of its own.
  private var known: Set<UInt64> = []
  private var count = 0

  init(isSticky: Bool) {
    self.isSticky = isSticky
  }

  mutating func count(_ unit: UInt64) {
    if isSticky {
      guard known.count < UnitEvidence.capacity, known.insert(unit).inserted else { return }
    }
    count += 1
  }

  /// The share that `part` of them is.
  func share(_ part: Int) -> Double? {
    count > 0 ? min(1, Double(part) / Double(count)) : nil
  }
}
