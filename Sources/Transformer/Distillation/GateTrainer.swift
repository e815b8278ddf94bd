import Tensors

/// Learns the weights of one layer's key/value head.
///
/// Begins with Quest's bound and follows Adam (Kingma and Ba 2015, algorithm 1), one window a step,
/// with a rate that falls to zero in the second half.
struct GateTrainer {
  let objective: GateObjective
  let steps: Int
  /// Adam's step size at the beginning.
  let rate: Float
  let seed: UInt64

  /// Quest's bound on the mean logit: 1 / (group · √headWidth) for greatest and least.
  static func beginning(_ shape: Gate.Shape) -> [Float] { weights(shape, mean: 0, ranges: 1) }

  /// A gate that has learned nothing: the mean key, Quest's bound, or both.
  static func weights(_ shape: Gate.Shape, mean: Float, ranges: Float) -> [Float] {
    let part = shape.group * shape.headWidth
    let scale = 1 / (Float(shape.group) * Float(shape.headWidth).squareRoot())
    return [Float](repeating: mean * scale, count: part)
      + [Float](repeating: ranges * scale, count: 2 * part)
  }

  /// - Parameters:
  ///   - windows: at least one
  ///   - index: the layer times key/value heads, plus the key/value head
  /// - Returns: [3, group, headWidth]
  func weights(_ index: Int, learnedFrom windows: [GateExamples]) -> [Float] {
    var weights = Self.beginning(objective.shape)
    var first = [Float](repeating: 0, count: weights.count)
    var second = first
    var generator = SplitMix64(seed: seed &+ UInt64(index))
    var order: [Int] = []
    var (firstPower, secondPower): (Float, Float) = (1, 1)
    for step in 0..<steps {
      if order.isEmpty { order = Self.shuffled(windows.count, &generator) }
      let window = windows[order.removeLast()]
      guard
        let slopes = objective.gradient(
          weights, window.places[index], tiles: window.tileCount, blocks: window.blockCount
        )?.gradient
      else { continue }
      firstPower *= 0.9
      secondPower *= 0.99
      let now = rate * min(1, 2 * (1 - Float(step) / Float(steps)))
      for place in weights.indices {
        first[place] = 0.9 * first[place] + 0.1 * slopes[place]
        second[place] = 0.99 * second[place] + 0.01 * slopes[place] * slopes[place]
        let root = (second[place] / (1 - secondPower)).squareRoot()
        weights[place] -= now * first[place] / (1 - firstPower) / (root + 1e-8)
      }
    }
    return weights
  }

  /// 0 ..< count in an order that every machine draws alike: Fisher and Yates.
  private static func shuffled(_ count: Int, _ generator: inout SplitMix64) -> [Int] {
    var order = Array(0..<count)
    for place in order.indices.dropFirst().reversed() {
      order.swapAt(place, Int(generator.uniform() * Double(place + 1)))
    }
    return order
  }
}
