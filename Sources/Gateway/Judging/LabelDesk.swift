import Experimentation
import Logging
import Statistics
import Storage

/// Keeps some of the pairs that a judge has looked at for people to look at, where the policy says
/// so.
///
/// Which ones is drawn before anybody knows what the judge says, by the pair's number, which no
/// client chooses: labels of pairs that were picked for what was said of them would correct
/// nothing. Works within the judge's own place, so that no more texts are in memory than pairs are
/// looked at.
final class LabelDesk: Sendable {
  private let store: any LabelStore
  private let metrics: GatewayMetrics
  private let logger: Logger
  private let makeNonce: @Sendable () -> String
  private let wallClock: @Sendable () -> Int64

  init(
    store: any LabelStore, metrics: GatewayMetrics, logger: Logger,
    makeNonce: @escaping @Sendable () -> String, wallClock: @escaping @Sendable () -> Int64
  ) {
    self.store = store
    self.metrics = metrics
    self.logger = logger
    self.makeNonce = makeNonce
    self.wallClock = wallClock
  }

  /// Whether the pair of `comparison` is one that people shall see.
  static func isDrawn(_ comparison: UInt64, of candidate: ModelName, by plan: LabelPlan) -> Bool {
    plan.share == .all
      || StableHash.place(salt: "label/\(candidate)", unit: "\(comparison)") < plan.share.value
  }

  /// Keeps a pair that was drawn, if there is room.
  ///
  /// - Parameter sheet: as the judge saw it, with the incumbent's answer first
  func keep(_ pair: JudgedAnswers, _ sheet: JudgedTexts, by plan: LabelPlan) async {
    let waiting = PairToLabel(
      pair: pair, question: sheet.question, incumbentAnswer: sheet.incumbent,
      candidateAnswer: sheet.candidate,
      // Of a word that nobody can guess, so that nobody who sees the answers can tell.
      isCandidateFirst: StableHash.place(salt: "order", unit: makeNonce()) < 0.5,
      keptAtMilliseconds: wallClock())
    do {
      let isKept = try await store.keep(waiting, limit: plan.limit)
      metrics.keptForLabel(pair.candidate, isKept ? .kept : .full)
    } catch {
      metrics.keptForLabel(pair.candidate, .failed)
      logger.info(
        "a pair could not be kept for people", metadata: ["error": "\(error.message)"])
    }
  }
}

/// What a judge has read.
struct JudgedTexts: Sendable {
  var question: String
  var incumbent: String
  var candidate: String
}

/// What became of a pair that people should see: the label of a counter.
enum LabelOutcome: String, CaseIterable {
  case kept
  /// As many are kept of the candidate as the policy asks for.
  case full
  /// The store would not have it.
  case failed
}
