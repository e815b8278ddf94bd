import Experimentation
import Statistics

/// Whose choices users prefer, where an answer has some of either model.
///
/// The sign test over interleaved answers (STATISTICS 2(f)): what is said in favour of a model's
/// choices, less what is said in favour of the other's, makes one vote of a request, and the votes
/// of its requests one of a unit: a session is one vote, however much it clicks. Ties are dropped.
/// If users have no preference a vote goes either way like a coin, because the draft gave every
/// place to either model with the same chance; that is all the exact Bernoulli e-process needs.
///
/// Values are taken from ½: a thumb up for a choice speaks for its model and a thumb down against
/// it, so that rating all choices alike is a tie.
struct PreferenceEvidence: Hashable, Sendable {
  /// How far from even votes are planned to be, where nothing else says it.
  private static let plannedLead = 0.05

  /// A request whose feedback is being read; all of it comes in a row.
  private struct Request: Hashable {
    var id: String
    var atMilliseconds: Int64
    var unitHash: UInt64
    /// In thousandths: for the candidate, less for the incumbent.
    var balance = 0
  }

  private let border: GateBorder
  private let levels: ErrorLevels
  private let passing: BernoulliTest
  private let failing: BernoulliTest
  private var open: Request?
  /// Votes of a unit's requests for the candidate, less those for the incumbent.
  private var units: [UInt64: Int] = [:]
  private var wins = 0
  private var losses = 0

  init(border: GateBorder, levels: ErrorLevels) throws(StatisticsError) {
    (self.border, self.levels) = (border, levels)
    let isGoal = border.objective == .better
    let share = 0.5 + (isGoal ? border.margin : -border.margin)
    let odds = { (share: Double) in share / (1 - share) }
    // A candidate that is as good has all of the margin to go; one that shall be better, a lead.
    let planned = max(
      1.2,
      isGoal
        ? odds(min(share + Self.plannedLead, 0.99)) / odds(share)
        : odds(0.5) / odds(max(share, 0.01)))
    passing = try BernoulliTest(claim: .above(share), plannedOddsRatio: planned)
    failing = try BernoulliTest(claim: .below(share), plannedOddsRatio: planned)
  }

  /// Takes in what somebody said of a choice, in the order of assignment; its window has closed.
  ///
  /// - Parameter isCandidate: whose choice it was; nobody else's come here
  mutating func add(_ feedback: Feedback, isCandidate: Bool) {
    guard (0...1).contains(feedback.value) else { return }
    let unit = feedback.assignment.unitHash
    guard units[unit] != nil || units.count < UnitEvidence.capacity else { return }
    var request = Request(
      id: feedback.requestID, atMilliseconds: feedback.assignment.atMilliseconds, unitHash: unit)
    if let open, open.id == request.id, open.atMilliseconds == request.atMilliseconds,
      open.unitHash == unit
    {
      request = open
    }
    let before = request.balance.signum()
    let favour = Int(((2 * feedback.value - 1) * 1_000).rounded())
    request.balance += isCandidate ? favour : -favour
    open = request
    count(of: unit, changesBy: request.balance.signum() - before)
  }

  private mutating func count(of unit: UInt64, changesBy change: Int) {
    let before = units[unit, default: 0]
    let after = before + change
    units[unit] = after
    wins += (after > 0 ? 1 : 0) - (before > 0 ? 1 : 0)
    losses += (after < 0 ? 1 : 0) - (before < 0 ? 1 : 0)
  }

  // MARK: Judging

  func judgement(of model: ModelName, against other: ModelName, plannedCount: Int) -> Judgement {
    let votes = wins + losses
    guard votes > 0, let counts = ProportionSummary(successes: wins, trials: votes) else {
      return .nothing(
        .noData, "nobody has preferred '\(model)' or '\(other)' yet whose window has closed")
    }
    let share = Double(wins) / Double(votes)
    let bounds = BernoulliConfidenceSequence.interval(
      counts, alpha: levels.pass, plannedTrials: plannedCount)
    var judgement = Judgement(
      verdict: .inconclusive,
      interval: bounds.map {
        ConfidenceInterval(
          estimate: $0.estimate - 0.5, lower: $0.lower - 0.5, upper: $0.upper - 0.5)
      } ?? .unbounded(share - 0.5),
      incumbentMean: 1 - share, candidateMean: share, samples: votes)
    let (proof, harm) = (logEvidence(passing), logEvidence(failing))
    (judgement.logProof, judgement.logHarm) = (proof, harm)
    if harm >= -.log(levels.fail) {
      judgement.verdict = .fail
      judgement.explanation = Judgement.beyond
    } else if proof >= -.log(levels.pass), harm < -.log(levels.rollBack) / 2 {
      judgement.verdict = .pass
    } else {
      judgement.explanation = "not shown yet"
    }
    return judgement
  }

  /// ln E of all votes: that of one, as often as there are.
  private func logEvidence(_ blank: BernoulliTest) -> Double {
    var sum = blank
    for (isWin, count) in [(true, wins), (false, losses)] {
      var (part, left) = (blank, count)
      part.append(isWin)
      while left > 0 {
        // Tests of one claim, as these are, always add up.
        if left & 1 == 1 { try? sum.merge(part) }
        left >>= 1
        let same = part
        try? part.merge(same)
      }
    }
    return sum.logEvidence
  }
}
