/// The rotation of a variant: one table, or several that take turns as the text grows.
///
/// A position p belongs to a *stage*, which depends on p alone: so what a text gives does not
/// depend on how it was cut into chunks. Within a stage all queries *and all keys* turn by the
/// stage's table; where a text enters the next one, the keys in its cache are turned on from the
/// old angles to the new (`KeyValueCache.enterStage`). Only `dynamicNTK` has more than one: there
/// s grows by a quarter of the trained context at a time. (The usual implementations leave keys
/// as they were cached, so that queries and keys turn by different tables, and what a prompt gives
/// depends on its chunks.)
package struct RotaryTables: Hashable, Sendable {
  /// By stage, at least one.
  let stages: [RotaryTable]
  /// Positions of the first stage, and of each that follows.
  private let firstLength: Int
  private let stepLength: Int
  /// Positions that the rotation is good for.
  package let contextLength: Int

  /// The same table for all positions.
  package init(_ table: RotaryTable, contextLength: Int) {
    self.init(stages: [table], firstLength: .max, stepLength: 1, contextLength: contextLength)
  }

  private init(stages: [RotaryTable], firstLength: Int, stepLength: Int, contextLength: Int) {
    self.stages = stages
    self.firstLength = firstLength
    self.stepLength = stepLength
    self.contextLength = contextLength
  }

  /// The tables of a model that is stretched by `scaling`.
  ///
  /// - Throws: `invalidRequest` for a factor without meaning, or if the file brings a scaling of
  ///   its own, which another cannot be put upon.
  package init(
    _ parameters: HyperParameters, scaling: RotaryScaling = .none
  ) throws(TransformerError) {
    try scaling.check()
    guard scaling != .none else {
      let own = parameters.rotaryScaling
      self.init(
        own.table(parameters, trained: parameters.unscaledContextLength, factor: own.factor),
        contextLength: parameters.contextLength)
      return
    }
    guard parameters.rotaryScaling == .none else {
      throw TransformerError(
        .invalidRequest, "the weights bring a RoPE scaling of their own; leave 'rope' out")
    }
    let trained = parameters.contextLength
    let contextLength = Int((Double(trained) * scaling.factor).rounded(.down))
    guard case .dynamicNTK(let limit) = scaling else {
      self.init(
        scaling.table(parameters, trained: trained, factor: scaling.factor),
        contextLength: contextLength)
      return
    }
    let step = max(1, trained / 4)
    let steps = (contextLength - trained + step - 1) / step
    let stages = (0...steps).map { stage in
      let s = Double(trained + stage * step) / Double(trained)
      return scaling.table(parameters, trained: trained, factor: min(s, limit))
    }
    self.init(
      stages: stages, firstLength: trained, stepLength: step, contextLength: contextLength)
  }

  /// Pairs of channels that are turned.
  var pairs: Int { stages[0].frequencies.count }

  /// Which table turns `position`.
  func stage(of position: Int) -> Int {
    position < firstLength
      ? 0 : min(stages.count - 1, 1 + (position - firstLength) / stepLength)
  }

  /// How many of `count` positions from `position` on belong to its stage; at least 1.
  func run(from position: Int, upTo count: Int) -> Int {
    let stage = stage(of: position)
    guard stage < stages.count - 1 else { return count }
    return min(count, firstLength + stage * stepLength - position)
  }
}
