import Testing

@testable import Statistics

/// Several tests at once: what may take a rollout back, what may promote it, what is a discovery.
@Suite struct CombiningTests {
  @Test func `the union is the weighted mean of what its members have`() throws {
    let gate = try UnionGate(stakes: [0.35, 0.15, 0.5])
    let logs = [Double.log(2), .log(0.5), .log(40)]
    // 0.35 · 2 + 0.15 · 0.5 + 0.5 · 40 = 20.775
    #expect(isClose(gate.logEvidence(logs), .log(20.775), relative: 1e-14))
    #expect(gate.isRejected(logs, alpha: 0.05))
    #expect(!gate.isRejected(logs, alpha: 0.04))
    // Logarithms beyond what exp bears.
    #expect(isClose(gate.logEvidence([800, -900, 0]), 800 + .log(0.35), relative: 1e-14))
  }

  @Test func `the union is never weaker than weighted Bonferroni`() throws {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<500 {
      let stakes = (0..<4).map { _ in 0.1 + generator.uniform() }
      let logs = (0..<4).map { _ in 12 * generator.uniform() - 6 }
      let gate = try UnionGate(stakes: stakes)
      let bonferroni = zip(gate.weights, logs).contains { $1 >= -.log(0.05 * $0) }
      if bonferroni { #expect(gate.isRejected(logs, alpha: 0.05)) }
    }
  }

  @Test func `what was not measured moves no union`() throws {
    let gate = try UnionGate(count: 2)
    #expect(gate.logEvidence([.nan, .nan]) == 0)
    #expect(gate.logEvidence([100]) == 0)
    #expect(gate.culprits([.nan, 100], alpha: 0.05) == [1])
    for stakes in [[], [0], [1, -1], [.nan], [.infinity]] as [[Double]] {
      #expect(throws: StatisticsError.self) { try UnionGate(stakes: stakes) }
    }
  }

  @Test func `culprits are those that closed testing names`() throws {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<300 {
      let gate = try UnionGate(stakes: (0..<5).map { _ in 0.2 + generator.uniform() })
      let logs = (0..<5).map { _ in 10 * generator.uniform() - 4 }
      // By definition: every subset with the suspect in it.
      let named = logs.indices.filter { suspect in
        (0..<32).filter { $0 >> suspect & 1 == 1 }.allSatisfy { subset in
          let members = logs.indices.filter { subset >> $0 & 1 == 1 }
          let weight = members.reduce(0) { $0 + gate.weights[$1] }
          let sum = members.reduce(0) { $0 + gate.weights[$1] * .exp(logs[$1]) }
          return sum / weight >= 20
        }
      }
      #expect(gate.culprits(logs, alpha: 0.05) == named)
    }
  }

  @Test func `e-BH rejects the greatest k that reach K over k alpha`() {
    // K = 4, α = 0.05: 80, 40, 26.7 and 20 are asked of the first to fourth.
    let logs = [25, 90, 27, 41].map { Double.log($0) }
    #expect(FalseDiscoveryRate.discoveries(logEvidence: logs, alpha: 0.05) == [0, 1, 2, 3])
    let fewer = [19, 90, 26, 41].map { Double.log($0) }
    #expect(FalseDiscoveryRate.discoveries(logEvidence: fewer, alpha: 0.05) == [1, 3])
    #expect(FalseDiscoveryRate.discoveries(logEvidence: [.nan, .log(39)], alpha: 0.05) == [])
    #expect(FalseDiscoveryRate.discoveries(logEvidence: [.nan, .log(40)], alpha: 0.05) == [1])
    #expect(FalseDiscoveryRate.discoveries(logEvidence: [], alpha: 0.05) == [])
  }

  @Test func `spending sums to alpha, and most of it comes last`() throws {
    for stages in 1...20 {
      let spending = try AlphaSpending(backLoadedOver: stages)
      let levels = (0..<stages).map { spending.level(ofStage: $0, alpha: 0.05) }
      #expect(isClose(levels.reduce(0, +), 0.05, relative: 1e-12))
      #expect(zip(levels, levels.dropFirst()).allSatisfy { $0 <= $1 })
    }
    #expect(try AlphaSpending(backLoadedOver: 4).shares == [0.125, 0.125, 0.25, 0.5])
    #expect(try AlphaSpending(backLoadedOver: 4).level(ofStage: 4, alpha: 0.05) == 0)
    #expect(throws: StatisticsError.self) { try AlphaSpending(backLoadedOver: 0) }
  }

  @Test func `a claim stays proven until harm shows or the proof is old`() {
    var latch = ClaimLatch()
    func look(_ evidence: Double, harm: Double? = nil, stage: Int) {
      latch.look(
        logEvidence: evidence, logHarm: harm, stage: stage, alpha: 0.05, harmAlpha: 0.05)
    }
    look(2, stage: 0)
    #expect(IntersectionGate.open([latch]) == [0])
    look(3, stage: 0)
    look(-5, stage: 0)
    #expect(latch.provenInStage == 0 && IntersectionGate.isProven([latch]))
    look(.nan, stage: 1)
    #expect(latch.provenInStage == 0)
    // ln √20 = 1.498
    look(3, harm: 1.49, stage: 1)
    #expect(latch.provenInStage == 1)
    look(3, harm: 1.5, stage: 1)
    #expect(latch.provenInStage == nil)
    look(3, stage: 1)
    look(0, stage: 3)
    #expect(latch.provenInStage == nil)
    #expect(!IntersectionGate.isProven([]))
  }
}
