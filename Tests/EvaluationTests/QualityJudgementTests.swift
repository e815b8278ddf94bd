import Testing
import Transformer

@testable import Evaluation

/// What gates make of numbers, without a model.
struct QualityJudgementTests {
  private static func retrieval(_ found: Int, of trials: Int, missed: Int = 0) -> RetrievalReport {
    // `missed` moves what is found away from the first questions.
    let answered = (0..<trials).map { ($0 + trials - missed) % trials < found }
    return RetrievalReport(
      answered: answered, depths: [Double](repeating: 0, count: trials), asked: nil)
  }

  private static func perplexity(
    _ logRatio: PerplexityReport.Estimate, sameTop: PerplexityReport.Estimate
  ) -> PerplexityReport {
    PerplexityReport(
      variant: "v", context: 1_024, stride: 512, keysSeen: nil, windows: 1, scoredTokens: 512,
      blocks: 2, perplexity: 9,
      difference: .init(
        logRatio: logRatio, meanDivergence: .init(estimate: 0.02, lower: 0.01, upper: 0.03),
        divergence99: nil, sameTop: sameTop))
  }

  private static func row(
    reference: Bool = false, length: Int = 1_024, perplexity: PerplexityReport? = nil,
    passkey: RetrievalReport? = nil
  ) -> EvaluationRow {
    EvaluationRow(
      variant: reference ? "dense" : "v", isReference: reference, length: length, keysSeen: nil,
      perplexity: perplexity, passkey: passkey)
  }

  private static func verdict(
    _ gate: QualityGate, _ candidate: RetrievalReport, against reference: RetrievalReport
  ) -> QualityVerdict? {
    QualityJudgement(
      gate, row(passkey: candidate), against: row(reference: true, passkey: reference))?.verdict
  }

  @Test func `the whole interval decides, and none tells nothing`() {
    #expect(QualityVerdict(lower: 0.01, upper: 0.1, limit: 0.1) == .passes)
    #expect(QualityVerdict(lower: 0.11, upper: 0.2, limit: 0.1) == .worse)
    #expect(QualityVerdict(lower: 0.1, upper: 0.2, limit: 0.1) == .notEnoughToTell)
    #expect(QualityVerdict(lower: nil, upper: nil, limit: 0.1) == .notEnoughToTell)
    #expect([QualityVerdict.worse, .passes, .notEnoughToTell].max() == .worse)
  }

  @Test func `agreement is judged by what is missing of it`() throws {
    let report = Self.perplexity(
      .init(estimate: 0.06, lower: 0.05, upper: 0.07),
      sameTop: .init(estimate: 0.89, lower: 0.86, upper: 0.92))
    func judged(_ measure: QualityGate.Measure, _ limit: Double) throws -> QualityJudgement {
      try #require(
        QualityJudgement(
          QualityGate(name: "g", measure: measure, limit: limit), Self.row(perplexity: report),
          against: Self.row(reference: true)))
    }
    let agreement = try judged(.disagreement, 0.12)
    // Of 0.86…0.92 the same, 0.08…0.14 are not.
    #expect(abs((agreement.loss.lower ?? 0) - 0.08) < 1e-12)
    #expect(abs((agreement.loss.upper ?? 0) - 0.14) < 1e-12)
    #expect(agreement.verdict == .notEnoughToTell)
    #expect(try judged(.disagreement, 0.15).verdict == .passes)
    #expect(try judged(.disagreement, 0.05).verdict == .worse)
    #expect(try judged(.perplexity, 0.04).verdict == .worse)
    #expect(try judged(.divergence, 0.03).verdict == .passes)
    // A gain that is wanted: 2 % less perplexity.
    #expect(try judged(.perplexity, -0.02).verdict == .worse)
  }

  @Test func `what is found is compared question by question`() {
    let gate = QualityGate(name: "passkey", measure: .passkey, limit: 0.1)
    // 20 that agree leave up to 16 points open; 35 are enough for 10.
    let all = Self.retrieval(20, of: 20)
    #expect(Self.verdict(gate, all, against: all) == .notEnoughToTell)
    let more = Self.retrieval(33, of: 35)
    #expect(Self.verdict(gate, more, against: more) == .passes)
    // The window of the measurements: 6 of 20 where dense finds 19.
    #expect(
      Self.verdict(gate, Self.retrieval(6, of: 20), against: Self.retrieval(19, of: 20)) == .worse)
    // As many found, but others: nothing is shown either way.
    #expect(
      Self.verdict(
        gate, Self.retrieval(12, of: 20, missed: 8), against: Self.retrieval(12, of: 20))
        == .notEnoughToTell)
  }

  @Test func `few pairs that disagree are no proof, whatever the large-sample interval says`() {
    // Five lost of five: z is 2.24, and a coin falls so once in 32.
    let gate = QualityGate(name: "passkey", measure: .passkey, limit: 0)
    #expect(
      Self.verdict(gate, Self.retrieval(0, of: 5), against: Self.retrieval(5, of: 5))
        == .notEnoughToTell)
    #expect(
      Self.verdict(gate, Self.retrieval(0, of: 6), against: Self.retrieval(6, of: 6)) == .worse)
  }

  @Test func `a reference that finds little lets nothing pass`() {
    let gate = QualityGate(name: "passkey", measure: .passkey, limit: 0.1)
    let little = Self.retrieval(10, of: 100)
    #expect(Self.verdict(gate, little, against: little) == .notEnoughToTell)
    let half = Self.retrieval(50, of: 100)
    #expect(Self.verdict(gate, half, against: half) == .passes)
  }

  @Test func `a gate looks at the lengths of its slice, and at what was measured`() {
    let gates = [
      QualityGate(name: "short", measure: .passkey, limit: 0.1, lengths: 0...1_023),
      QualityGate(name: "long", measure: .passkey, limit: 0.1, lengths: 1_024...Int.max),
      QualityGate(name: "needle", measure: .needle, limit: 0.1),
    ]
    let found = Self.retrieval(6, of: 20)
    let rows = [
      Self.row(reference: true, length: 512, passkey: Self.retrieval(19, of: 20)),
      Self.row(length: 512, passkey: found),
      Self.row(reference: true, passkey: Self.retrieval(19, of: 20)), Self.row(passkey: found),
    ].judged(by: gates)
    #expect(rows.map { $0.judgements?.map(\.gate) } == [nil, ["short"], nil, ["long"]])
    #expect(rows.map(\.verdict) == [nil, .worse, nil, .worse])
    #expect(rows[1].judgements?.first?.leastTrials == 35)
  }
}
