/// The part of a layer's units that takes part in a rollout.
///
/// Rollouts of several routes that name one layer share its units out among them, so that no user
/// is in two of them. A unit's place in a layer hangs on the two alone, not on any rollout's salt:
/// who takes part is dealt independently of who gets which model (Tang, Agarwal, O'Brien and Meyer,
/// "Overlapping experiment infrastructure", KDD 2010).
package struct LayerRange: Hashable, Sendable, Codable {
  package var name: LayerName
  /// Where it begins; a unit at it takes part.
  package var lower: Share
  /// Where it ends, above `lower`; a unit at it does not.
  package var upper: Share

  package init(name: LayerName, lower: Share, upper: Share) {
    self.name = name
    self.lower = lower
    self.upper = upper
  }

  /// `0%-50%`, with every digit that is kept.
  package var range: String { "\(lower.written)-\(upper.written)" }

  /// The share of all units that takes part.
  package var width: Double { max(upper.value - lower.value, 0) }

  /// Whether a unit at `place`, in [0, 1), takes part.
  package func contains(_ place: Double) -> Bool { lower.value <= place && place < upper.value }

  /// The share of all units that takes part in both: in one layer what the ranges have in common,
  /// in two what chance gives, since places in one say nothing of places in another.
  package func overlap(with other: LayerRange) -> Double {
    guard name == other.name else { return width * other.width }
    return max(min(upper, other.upper).value - max(lower, other.lower).value, 0)
  }
}

extension LayerRange: CustomStringConvertible {
  /// `0%-50% of layer 'chat'`
  package var description: String { "\(range) of layer '\(name)'" }
}
