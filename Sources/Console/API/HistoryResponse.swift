package import Experimentation

/// Answer to `GET /api/v1/history`: what was decided and commanded, oldest first.
package struct HistoryResponse: Hashable, Sendable, Codable {
  /// An entry of the journal, as people read it.
  package struct Entry: Hashable, Sendable, Codable {
    package var sequence: Int64
    /// By the wall clock of the service.
    package var atMilliseconds: Int64
    package var actor: String
    package var reason: String?
    /// `nil` for an event of a model.
    package var rollout: RolloutName?
    /// What happened, in a word or two: ``JournalEvent/title``.
    package var title: String
    /// What it was about: a model, a step, what a force went over.
    package var detail: String
    /// What the decision was based on.
    package var evidence: [GateReport]
    /// SHA-256 over the entry before and this one, lower-case hex.
    package var hash: String
  }

  /// At most ``maximumEntries``, the latest.
  package var entries: [Entry]
  /// Entries before them that were left out.
  package var omitted: Int

  package static let maximumEntries = 1_000

  package init(entries: [Entry], omitted: Int) {
    self.entries = entries
    self.omitted = omitted
  }
}

extension HistoryResponse.Entry {
  /// What people read of `entry`.
  package init(_ entry: JournalEntry) {
    let record = entry.record
    self.init(
      sequence: entry.sequence, atMilliseconds: record.atMilliseconds, actor: record.actor,
      reason: record.reason, rollout: record.event.rollout, title: record.event.title,
      detail: record.event.detail, evidence: record.event.evidence.map(\.finite), hash: entry.hash)
  }
}

extension JournalEvent {
  fileprivate var detail: String {
    switch self {
    case .policiesApplied(let origin): origin.inWords
    case .modelApplied(let model): "model \(model.name)"
    case .rolloutApplied(let policy), .queued(let policy):
      "\(policy.incumbent) → \(policy.candidates.map(\.text).joined(separator: ", ")) "
        + "on route \(policy.route)"
    case .allocated(_, let allocation):
      "no. \(allocation.number): "
        + allocation.arms.map { "\($0.model) \($0.share.rounded)" }.joined(separator: ", ")
        + (allocation.winner.map { "; \($0) is the one to take" } ?? "")
    case .advanced(_, let step, _): "to step \(step + 1)"
    case .candidateDropped(_, let model, let gate, _):
      "model \(model)" + (gate.map { ", gate \($0)" } ?? ", it broke down")
    case .approved(_, let step): "step \(step + 1)"
    case .superseded(_, let digest, let successor):
      "revision \(digest.prefix(8))" + (successor.map { " by '\($0)'" } ?? "")
    case .promoted(_, let model, let open, _):
      isForced ? "model \(model), by force over \(open.joined(separator: ", "))" : "model \(model)"
    case .paused, .resumed, .inconclusive, .rolledBack, .aborted: ""
    }
  }
}

extension PolicyOrigin {
  /// `from commit 1a2b3c4d5e6f, signed by 0011223344556677 as revision 42 of the set 'search'`.
  fileprivate var inWords: String {
    let parts = [
      commit.map { "from commit \($0)" },
      seal.flatMap { seal in revision.map { "signed by \(seal.key) as \($0)" } },
    ]
    return parts.compactMap { $0 }.joined(separator: ", ")
  }
}

extension GateReport {
  /// The report with what JSON cannot write left out: a bound that is infinite is unknown.
  package var finite: GateReport {
    var report = self
    report.estimate = estimate.flatMap(Self.finite)
    report.lowerBound = lowerBound.flatMap(Self.finite)
    report.upperBound = upperBound.flatMap(Self.finite)
    report.threshold = threshold.isFinite ? threshold : 0
    report.incumbentMean = incumbentMean.flatMap(Self.finite)
    report.expectedHours = expectedHours.flatMap(Self.finite)
    report.candidateMean = candidateMean.flatMap(Self.finite)
    report.noise?.estimate = noise?.estimate.flatMap(Self.finite)
    report.noise?.lowerBound = noise?.lowerBound.flatMap(Self.finite)
    report.noise?.upperBound = noise?.upperBound.flatMap(Self.finite)
    report.incumbentResponse = incumbentResponse.flatMap(Self.finite)
    report.candidateResponse = candidateResponse.flatMap(Self.finite)
    report.correction?.estimate = correction?.estimate.flatMap(Self.finite)
    report.correction?.lowerBound = correction?.lowerBound.flatMap(Self.finite)
    report.correction?.upperBound = correction?.upperBound.flatMap(Self.finite)
    return report
  }

  private static func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
}
