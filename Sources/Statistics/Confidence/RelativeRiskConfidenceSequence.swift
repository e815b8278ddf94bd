/// A confidence sequence for the relative risk of a rare event, exact and safe under changing
/// weights: the display beside `RelativeRiskTest`.
///
/// STATISTICS 2(a): the ratios r with ln L(r) > ln Σⱼ wⱼ L(rⱼ) + ln α, where L(r) is the
/// likelihood, given the events, of which variant had them, and the rⱼ are 24 ratios above and 24
/// below 1.
package enum RelativeRiskConfidenceSequence {
  /// The events of requests that had the same chance of treatment.
  package struct Stratum: Hashable, Sendable {
    package var propensity: Double
    package var controlEvents: Int
    package var treatmentEvents: Int

    /// Counts of events under one propensity.
    package init(propensity: Double, controlEvents: Int, treatmentEvents: Int) {
      self.propensity = propensity
      self.controlEvents = controlEvents
      self.treatmentEvents = treatmentEvents
    }
  }

  /// ln r is looked for in ± this.
  private static let greatestLogRatio = 40.0
  private static let mixture = OddsTilt.offsets + OddsTilt.offsets.map { -$0 }

  /// The relative risks that are plausible at all times with confidence 1 − α.
  ///
  /// - Parameters:
  ///   - strata: One for each propensity that was in force; a stratum with an impossible propensity
  ///     or a negative count is left out.
  ///   - alpha: In (0, 1).
  /// - Returns: Treatment's risk as a multiple of control's. The estimate is the most likely ratio,
  ///   0 or +∞ if one variant had all events, and so is the end on that side. `nil` without events.
  package static func interval(_ strata: [Stratum], alpha: Double) -> ConfidenceInterval? {
    let strata = strata.filter {
      Propensity.isUsable($0.propensity) && $0.controlEvents >= 0 && $0.treatmentEvents >= 0
    }
    let treatment = strata.reduce(0.0) { $0 + Double($1.treatmentEvents) }
    let control = strata.reduce(0.0) { $0 + Double($1.controlEvents) }
    guard treatment + control > 0, alpha > 0, alpha < 1 else { return nil }

    let logs = mixture.map { logLikelihood(of: $0, strata) }
    let greatest = logs.reduce(-.infinity, max)
    let mixed =
      greatest + .log(logs.reduce(0) { $0 + .exp($1 - greatest) } / Double(logs.count))
    func isPlausible(_ logRatio: Double) -> Bool {
      logLikelihood(of: logRatio, strata) > mixed + .log(alpha)
    }
    // The likelihood is concave in ln r, so it falls on both sides of its peak.
    let peak =
      treatment == 0
      ? -greatestLogRatio
      : control == 0
        ? greatestLogRatio
        : bisect(from: -greatestLogRatio, to: greatestLogRatio) { logRatio in
          expectedTreatmentEvents(logRatio, strata) < treatment
        }
    return ConfidenceInterval(
      estimate: treatment == 0 ? 0 : control == 0 ? .infinity : .exp(peak),
      lower: treatment == 0
        ? 0 : .exp(bisect(from: peak, to: -greatestLogRatio, while: isPlausible)),
      upper: control == 0
        ? .infinity : .exp(bisect(from: peak, to: greatestLogRatio, while: isPlausible)))
  }

  /// ln L(r) − ln L(1).
  private static func logLikelihood(of logRatio: Double, _ strata: [Stratum]) -> Double {
    strata.reduce(0) { sum, stratum in
      let success = OddsTilt.logRatio(
        isSuccess: true, probability: stratum.propensity, logOdds: logRatio)
      let failure = OddsTilt.logRatio(
        isSuccess: false, probability: stratum.propensity, logOdds: logRatio)
      return sum + Double(stratum.treatmentEvents) * success
        + Double(stratum.controlEvents) * failure
    }
  }

  /// Of all events, how many treatment should have had at this ratio: grows with it.
  private static func expectedTreatmentEvents(_ logRatio: Double, _ strata: [Stratum]) -> Double {
    strata.reduce(0) { sum, stratum in
      let odds = stratum.propensity / (1 - stratum.propensity) * .exp(logRatio)
      let events = Double(stratum.treatmentEvents) + Double(stratum.controlEvents)
      return sum + events * odds / (1 + odds)
    }
  }
}
