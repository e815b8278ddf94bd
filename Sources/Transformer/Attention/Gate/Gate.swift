import Tensors

/// What a small gate has learned: how much each channel of each query head says about which block
/// of keys the model will attend to.
///
/// For a block with the mean key m, the greatest g and the least l of its keys, channel by channel,
/// the query heads h of a key/value head score together
///
///     Σ_h Σ_c  w_mhc · q_hc · m_c  +  w_ghc · max(q_hc, 0) · g_c  +  w_lhc · min(q_hc, 0) · l_c
///
/// With w_m = 1 and nothing else that is the score of MoBA, with w_g = w_l = 1 Quest's bound; a
/// gate is whatever lies between and beyond. Gao et al. 2024, "SeerAttention", section 3.1, pool
/// keys likewise (mean, greatest, least) and give a full matrix to each side. Here the matrix is a
/// diagonal, for three reasons: what it learns holds at every distance, because pairs of channels
/// stay as the rotation made them; the loss is convex in it, so that the seed hardly matters; and
/// it is small.
///
/// Told apart by identity: whoever wants variants to share kept prefixes lets them share the gate.
package final class Gate: Sendable, Hashable {
  /// The model that a gate is for.
  package struct Shape: Hashable, Sendable {
    package let layers: Int
    package let keyValueHeads: Int
    /// Query heads that share a key/value head.
    package let group: Int
    package let headWidth: Int

    package init(layers: Int, keyValueHeads: Int, group: Int, headWidth: Int) {
      self.layers = layers
      self.keyValueHeads = keyValueHeads
      self.group = group
      self.headWidth = headWidth
    }

    package init(_ parameters: HyperParameters) {
      self.init(
        layers: parameters.blockCount, keyValueHeads: parameters.keyValueHeads,
        group: parameters.group, headWidth: parameters.headWidth)
    }

    /// Weights of one key/value head: `[3, group, headWidth]`, for mean, greatest and least.
    package var headCount: Int { 3 * group * headWidth }

    /// All weights: `[layers, keyValueHeads, 3, group, headWidth]`.
    package var weightCount: Int { layers * keyValueHeads * headCount }
  }

  package let shape: Shape
  /// What pages keep of each block.
  let summary: KeySummary
  /// SHA-256 of the weights that the gate was distilled from, 64 lower-case hexadecimal digits.
  package let modelDigest: String
  /// `[layers, keyValueHeads, 3, group, headWidth]`, finite.
  package let weights: [Float]

  /// Keys in a block: 16, 32 or 64.
  package var blockSize: Int { summary.run }

  /// - Parameters:
  ///   - blockSize: 16, 32 or 64
  ///   - modelDigest: 64 lower-case hexadecimal digits
  ///   - weights: `shape.weightCount`
  /// - Throws: `invalidRequest` for other block sizes, `notANumber` for weights that are none.
  package init(
    _ shape: Shape, blockSize: Int, modelDigest: String, weights: [Float]
  ) throws(TransformerError) {
    try BlockSparse.check(blockSize: blockSize)
    guard weights.count == shape.weightCount, modelDigest.utf8.count == 64 else {
      throw TransformerError(
        .invalidRequest, "\(weights.count) weights for a gate that has \(shape.weightCount)")
    }
    guard weights.allSatisfy(\.isFinite) else {
      throw TransformerError(
        .notANumber, "a weight of the gate is not a number; distil it with a smaller --rate")
    }
    self.shape = shape
    summary = KeySummary(.pools, run: blockSize)
    self.modelDigest = modelDigest
    self.weights = weights
  }

  /// Refuses another shape of model.
  ///
  /// - Throws: `invalidRequest`
  func check(_ parameters: HyperParameters) throws(TransformerError) {
    let wanted = Shape(parameters)
    guard wanted == shape else {
      throw TransformerError(
        .invalidRequest,
        "the gate is for \(shape.words), the model has \(wanted.words); distil one for this model")
    }
  }

  /// Refuses other weights than those it was distilled from.
  ///
  /// - Parameter digest: SHA-256 of the weights, lower-case hex
  /// - Throws: `invalidRequest`
  package func check(digest: String) throws(TransformerError) {
    guard digest == modelDigest else {
      throw TransformerError(
        .invalidRequest,
        "the gate was distilled from weights with the SHA-256 \(modelDigest), these have "
          + "\(digest); distil one for them with 'rollout distill-gate'")
    }
  }

  /// What a tile looks for, weighed: `KeySummary.scores` multiplies it with summaries.
  ///
  /// - Parameters:
  ///   - queries: of the query heads that share `keyValueHead`
  ///   - out: `summary.elementCount` floats, overwritten
  func writeSelector(
    _ queries: QueryTile, layer: Int, keyValueHead: Int, into out: UnsafeMutablePointer<Float>,
    kernels: Kernels
  ) {
    precondition(queries.group == shape.group, "\(queries.group) heads for a gate")
    let runs = summary.runsPerBlock
    let width = shape.headWidth
    let count = summary.elementCount(headWidth: width)
    out.update(repeating: 0, count: count)
    let first = (layer * shape.keyValueHeads + keyValueHead) * shape.headCount
    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { own in
      guard let own = own.baseAddress else { return }
      weights.withUnsafeBufferPointer { weights in
        for head in 0..<shape.group {
          queries.head(head).writeSelector(summary, into: own, kernels: kernels)
          for vector in 0..<summary.vectors {
            for channel in 0..<width {
              let weight = weights[first + (vector * shape.group + head) * width + channel]
              let place = (vector * width + channel) * runs
              for run in 0..<runs { out[place + run] += weight * own[place + run] }
            }
          }
        }
      }
    }
  }

  package static func == (left: Gate, right: Gate) -> Bool { left === right }

  /// By identity, as gates are told apart.
  package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

extension Gate.Shape {
  /// For messages.
  fileprivate var words: String {
    "\(layers) layers of \(keyValueHeads) key/value heads with \(group) query heads "
      + "of \(headWidth) channels"
  }
}
