import Testing

@testable import Statistics

/// The paper's acceptance bar: log evidence as the reference kernels compute it, to 10⁻⁹ relative.
/// They sum in another order and take logarithms of quotients, so the last digits differ.
@Suite struct GoldenKernelTests {
  let golden: GoldenKernels
  let requests: [GoldenRequest]

  init() throws {
    golden = try GoldenKernels.load()
    requests = GoldenRequest.stream(golden.stream.N)
  }

  @Test func `the inputs are those of the recipe`() {
    #expect(requests.count { $0.isTreatment } == golden.stream.sumA)
    #expect(requests.count { $0.isError } == golden.stream.sumE)
    #expect(isClose(requests.reduce(0) { $0 + $1.score }, golden.stream.sumY, relative: 1e-12))
  }

  @Test func `the grid of log odds is the reference's`() {
    let offsets = (0..<OddsTilt.components).map {
      OddsTilt.offset($0, anchor: golden.rr_grid.u[0])
    }
    #expect(offsets.count == golden.rr_grid.u.count)
    #expect(zip(offsets, golden.rr_grid.u).allSatisfy { isClose($0, $1, relative: 1e-14) })
  }

  @Test func `relative risks have the reference's evidence`() throws {
    #expect(golden.cond_rr.count == 6)
    for reference in golden.cond_rr {
      let claim: Claim = reference.sign > 0 ? .worse() : .notWorse(margin: reference.r0 - 1)
      var test = try RelativeRiskTest(claim: claim, plannedRatio: 2)
      for request in requests.prefix(reference.n) {
        test.append(
          isEvent: request.isError, isTreatment: request.isTreatment,
          propensity: request.propensity)
      }
      #expect(isClose(test.logEvidence, reference.log_e, relative: 1e-9))
      #expect(test.evidence.observations == reference.n)
    }
  }

  @Test func `peak of the relative risk test over every request`() throws {
    var test = try RelativeRiskTest(claim: .worse(), plannedRatio: 2)
    var peak = EvidencePeak()
    for request in requests {
      test.append(
        isEvent: request.isError, isTreatment: request.isTreatment, propensity: request.propensity)
      peak.look(at: test.logEvidence)
    }
    #expect(isClose(peak.maximumLogEvidence, golden.cond_rr_max_up, relative: 1e-9))
    // 3.4985 is above ln 20 = 2.9957; the last look's 3.0503 is, too, though barely.
    #expect(peak.isRejected(alpha: 0.05) && test.isRejected(alpha: 0.05))
    #expect(peak.isRejected(alpha: 0.035) && !test.isRejected(alpha: 0.035))
  }

  @Test func `streamed means have the reference's evidence`() throws {
    #expect(golden.ipw_mean.count == 6)
    for reference in golden.ipw_mean {
      let claim: Claim = reference.direction > 0 ? .worse() : .notWorse(margin: reference.delta)
      var test = try StreamingMeanTest(
        claim: claim, minimumDetectableEffect: reference.delta,
        prior: Centring(mean: 0.8, variance: 0.04))
      for request in requests.prefix(reference.n) {
        test.append(
          outcome: request.score, isTreatment: request.isTreatment, propensity: request.propensity)
      }
      #expect(isClose(test.logEvidence, reference.log_e, relative: 1e-9))
    }
  }

  @Test func `peak of the streaming mean test over every request`() throws {
    var test = try StreamingMeanTest(
      claim: .worse(), minimumDetectableEffect: 0.02, prior: Centring(mean: 0.8, variance: 0.04))
    var peak = EvidencePeak()
    for request in requests {
      test.append(
        outcome: request.score, isTreatment: request.isTreatment, propensity: request.propensity)
      peak.look(at: test.logEvidence)
    }
    #expect(isClose(peak.maximumLogEvidence, golden.ipw_mean_max_up, relative: 1e-9))
  }

  @Test func `peak of the sample ratio test under a ramp`() throws {
    var test = try SampleRatioTest()
    var peak = EvidencePeak()
    for request in requests {
      test.append(isTreatment: request.isTreatment, propensity: request.propensity)
      peak.look(at: test.logEvidence)
    }
    #expect(isClose(peak.maximumLogEvidence, golden.srm_tilt_max, relative: 1e-9))
    #expect(!peak.isRejected(alpha: 0.01))
  }

  @Test func `forecasts are those of scipy`() throws {
    #expect(golden.planner.count == 3)
    for plan in golden.planner {
      let forecast =
        plan.kind == "rr"
        ? SampleSizePlanner.relativeRisk(
          controlRisk: plan.args[0], trueRatio: plan.args[1], borderRatio: plan.args[3],
          anchorRatio: plan.args[4], propensity: plan.args[2], alpha: plan.args[5])
        : SampleSizePlanner.boundedMean(
          scoreVariance: plan.args[0], trueDistance: plan.args[1],
          minimumDetectableEffect: plan.args[2], alpha: plan.args[3])
      let made = try #require(forecast)
      // scipy finds its quantiles to about 10⁻⁸.
      #expect(isClose(made.mean, try #require(plan.out["mean"]), relative: 1e-12))
      for (name, share) in [("p50", 0.5), ("p80", 0.8), ("p90", 0.9)] {
        let requests = try #require(made.requests(forShare: share))
        #expect(isClose(requests, try #require(plan.out[name]), relative: 1e-7))
      }
    }
  }
}
