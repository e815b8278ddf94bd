/// Which of many candidates, segments or metrics are discoveries.
///
/// e-BH (Wang and Ramdas, "False discovery rate control with e-values", JRSS-B 84(3), 2022): with K
/// hypotheses reject those with the k* greatest E, k* = max{k : E₍ₖ₎ ≥ K/(kα)}. Of what is rejected
/// a share of at most α is expected to be false, however the evidence depends on each other.
package enum FalseDiscoveryRate {
  /// The indices of discoveries, ascending.
  ///
  /// - Parameters:
  ///   - logEvidence: ln E of each hypothesis; one that is not a number is no evidence, and still
  ///     counts among the hypotheses.
  ///   - alpha: The share of false ones among discoveries, in (0, 1).
  package static func discoveries(logEvidence: [Double], alpha: Double) -> [Int] {
    guard alpha > 0, alpha < 1 else { return [] }
    let logs = logEvidence.map { $0.isNaN ? -.infinity : $0 }
    let descending = logs.indices.sorted { (logs[$1], $0) < (logs[$0], $1) }
    let limit = Double.log(Double(logs.count) / alpha)
    let last = descending.indices.last { rank in
      logs[descending[rank]] >= limit - .log(Double(rank + 1))
    }
    return last.map { descending[...$0].sorted() } ?? []
  }
}
