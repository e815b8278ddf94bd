#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

package import Experimentation
import Statistics

/// Canary and split: a sticky choice among any number of models with exact shares.
///
/// Weighted rendezvous hashing (Thaler & Ravishankar 1998; the logarithmic weights of Schindelhauer
/// & Schomaker 2005): each model draws `−share / ln place(salt, model, unit)` and the largest wins.
/// A model wins with exactly its share, and when its share grows its own draws grow with it and
/// nobody else's do: a unit that has it keeps it, at any number of models.
package enum WeightedRendezvous {
  /// The model for `unit`, or `nil` when no model has a share above 0.
  package static func choose(
    unit: AssignmentUnit, salt: String, among models: [WeightedModel]
  ) -> WeightedModel? {
    if models.count == 1, let only = models.first, only.share > .none { return only }
    var best: (model: WeightedModel, score: Double)?
    for candidate in models where candidate.share > .none {
      let place = StableHash.place(salt: "\(salt)/\(candidate.model)", unit: unit.id)
      // A place of 0 would divide by −∞ and a place of 1 cannot be: places lie in [0, 1).
      let score = candidate.share.value / -log(max(place, .leastNormalMagnitude))
      if let leader = best, leader.score >= score { continue }
      best = (candidate, score)
    }
    return best?.model
  }
}
