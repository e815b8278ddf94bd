package import Experimentation

extension WeightedRendezvous {
  /// The share of units, 0…1, that another model answers when shares become `after`, exactly.
  ///
  /// Of independent draws Eⱼ = −ln(place) with mean 1 the model with the least Eⱼ/shareⱼ wins. It
  /// wins before and after exactly if every other Eₖ exceeds rₖEⱼ, with rₖ the greater of the two
  /// ratios of shares shareₖ/shareⱼ; the chance of that is 1/(1 + Σrₖ). Under another salt the
  /// draws are new, and a unit stays where it was by chance alone.
  ///
  /// - Parameter sameSalt: whether both are dealt with one salt, by one kind of unit
  package static func movedShare(
    from before: [ModelName: Share], to after: [ModelName: Share], sameSalt: Bool = true
  ) -> Double {
    let models = Set(before.keys).union(after.keys)
    func shares(_ model: ModelName) -> (before: Double, after: Double) {
      (before[model]?.value ?? 0, after[model]?.value ?? 0)
    }
    let kept = models.reduce(0.0) { kept, model in
      let own = shares(model)
      guard own.before > 0, own.after > 0 else { return kept }
      if !sameSalt { return kept + own.before * own.after }
      let others = models.reduce(0.0) { sum, other in
        guard other != model else { return sum }
        let (old, new) = shares(other)
        return sum + max(old / own.before, new / own.after)
      }
      return kept + 1 / (1 + others)
    }
    return min(max(1 - kept, 0), 1)
  }
}
