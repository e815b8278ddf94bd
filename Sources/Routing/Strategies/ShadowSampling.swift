import Experimentation
import Statistics

/// Shadow: whether one request is asked aside too.
///
/// The draw hangs on the request, not on the unit, so that a sampled shadow sees all users.
package enum ShadowSampling {
  /// Whether the request called `requestID` is asked of `rule`'s model; its share of requests is. A
  /// control has the draws of its candidate, so that both answer the same requests.
  package static func isSampled(requestID: String, salt: String, rule: ShadowRule) -> Bool {
    let share = rule.traffic.share
    if share == .all { return true }
    let drawn = rule.controlOf ?? rule.model
    return StableHash.place(salt: "\(salt)/shadow/\(drawn)", unit: requestID) < share.value
  }
}
