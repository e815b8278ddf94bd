package import Backends

/// How often a candidate ranks the same token first as the incumbent did, along the incumbent's
/// text.
package enum TokenAgreement {
  /// The share of places, 0…1, at which both rank the same token first.
  ///
  /// - Parameters:
  ///   - trace: the incumbent's answer
  ///   - top: what the candidate ranked first at each place of it
  /// - Returns: `nil` when there is nothing to compare: an empty answer, or counts that differ.
  package static func share(of trace: TokenTrace, top: [Int32]) -> Double? {
    guard !trace.top.isEmpty, trace.top.count == top.count else { return nil }
    let equal = zip(trace.top, top).count { $0 == $1 }
    return Double(equal) / Double(top.count)
  }
}
