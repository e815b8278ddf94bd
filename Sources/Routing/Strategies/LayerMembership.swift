package import Experimentation
import Statistics

/// Layers: whether a unit takes part in a rollout that has a part of them.
package enum LayerMembership {
  /// Whether `unit` is within the part; of no layer every unit is.
  package static func takesPart(_ unit: AssignmentUnit, in layer: LayerRange?) -> Bool {
    guard let layer else { return true }
    return layer.contains(place(of: unit, in: layer.name))
  }

  /// Where a unit stands in a layer, in [0, 1). No salt or name of a policy has the character that
  /// sets its draws apart from theirs.
  static func place(of unit: AssignmentUnit, in layer: LayerName) -> Double {
    StableHash.place(salt: "layer\u{1F}\(layer)", unit: unit.id)
  }
}
