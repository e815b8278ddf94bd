import Tensors

/// How well weights of a gate predict where one layer's key/value head looks in one window.
///
/// Scores of the blocks that a tile may choose among become a distribution by softmax; its cross
/// entropy with the attention that the blocks get is weighed by how much attention that is:
///
///     L = − Σ_tiles Σ_blocks m_tb · log softmax(s_t)_b  /  Σ m
///
/// Gao et al. 2024, "SeerAttention", section 3.2, with the Kullback–Leibler divergence, which
/// differs by what the gate cannot change. Blocks that are always seen are left out.
struct GateObjective {
  let shape: Gate.Shape
  let blockSize: Int
  /// The last positions, which are always seen.
  let window: Int
  /// The first positions, which are always seen.
  let sinks: Int

  /// The blocks that a tile chooses among; as `BlockSelection.plan` has them.
  func candidates(tile: Int) -> Range<Int> {
    let first = (sinks + blockSize - 1) / blockSize
    let recent = max(0, tile * GateExamples.tileSize - window + 1) / blockSize
    return first..<max(first, recent)
  }

  /// The scores of all tiles and blocks: [tiles, blocks].
  ///
  /// - Parameter weights: [3, group, headWidth]
  func scores(_ weights: [Float], _ place: GateExamples.Place, tiles: Int, blocks: Int) -> [Float] {
    let channels = 3 * shape.headWidth
    let selectors = self.selectors(weights, place, tiles: tiles)
    var scores = [Float](repeating: 0, count: tiles * blocks)
    scores.withUnsafeMutableBufferPointer { scores in
      selectors.withUnsafeBufferPointer { selectors in
        place.keys.withUnsafeBufferPointer { keys in
          for tile in 0..<tiles {
            for block in candidates(tile: tile) {
              scores[tile * blocks + block] = Self.dot(
                selectors, tile * channels, keys, block * channels, channels)
            }
          }
        }
      }
    }
    return scores
  }

  /// The loss, and by how much it grows with each weight.
  ///
  /// - Returns: `nil` where no tile has attention to choose
  func gradient(
    _ weights: [Float], _ place: GateExamples.Place, tiles: Int, blocks: Int
  ) -> (loss: Double, gradient: [Float])? {
    var scores = scores(weights, place, tiles: tiles, blocks: blocks)
    guard let loss = differentiate(&scores, place, tiles: tiles, blocks: blocks) else { return nil }
    let channels = 3 * shape.headWidth
    var gradient = [Float](repeating: 0, count: weights.count)
    var own = [Float](repeating: 0, count: channels)
    gradient.withUnsafeMutableBufferPointer { gradient in
      own.withUnsafeMutableBufferPointer { own in
        place.keys.withUnsafeBufferPointer { keys in
          place.queries.withUnsafeBufferPointer { queries in
            for tile in 0..<tiles {
              for channel in 0..<channels { own[channel] = 0 }
              for block in candidates(tile: tile) {
                let slope = scores[tile * blocks + block]
                for channel in 0..<channels {
                  own[channel] += slope * keys[block * channels + channel]
                }
              }
              spread(own, queries, from: tile * weights.count, into: gradient)
            }
          }
        }
      }
    }
    return (loss, gradient)
  }

  /// gradient[v, h, c] += own[v, c] · queries[v, h, c]
  private func spread(
    _ own: UnsafeMutableBufferPointer<Float>, _ queries: UnsafeBufferPointer<Float>,
    from start: Int, into gradient: UnsafeMutableBufferPointer<Float>
  ) {
    let width = shape.headWidth
    for vector in 0..<3 {
      for head in 0..<shape.group {
        let place = (vector * shape.group + head) * width
        for channel in 0..<width {
          gradient[place + channel] +=
            own[vector * width + channel] * queries[start + place + channel]
        }
      }
    }
  }

  /// Turns scores into the loss's slopes in them: softmax · Σ_b m − m, over all attention.
  private func differentiate(
    _ scores: inout [Float], _ place: GateExamples.Place, tiles: Int, blocks: Int
  ) -> Double? {
    var loss = 0.0
    var total: Float = 0
    for tile in 0..<tiles {
      let among = candidates(tile: tile)
      guard !among.isEmpty else { continue }
      let row = tile * blocks + among.lowerBound..<tile * blocks + among.upperBound
      let masses = place.masses[row]
      let mass = masses.reduce(0, +)
      let own = Array(scores[row])
      let logSum = own.withUnsafeBufferPointer { Kernels.fastest.logSumExp($0) }
      loss += Double(zip(masses, own).reduce(0) { $0 + $1.0 * (logSum - $1.1) })
      total += mass
      scores.replaceSubrange(
        row, with: softmax(own).enumerated().map { $1 * mass - masses[masses.startIndex + $0] })
    }
    guard total > 0 else { return nil }
    for index in scores.indices { scores[index] /= total }
    return loss / Double(total)
  }

  private func softmax(_ scores: [Float]) -> [Float] {
    var scores = scores
    scores.withUnsafeMutableBufferPointer { Kernels.fastest.softmax($0) }
    return scores
  }

  /// [tiles, 3 · headWidth]: Σ_h w · q.
  private func selectors(_ weights: [Float], _ place: GateExamples.Place, tiles: Int) -> [Float] {
    let (group, width) = (shape.group, shape.headWidth)
    var selectors = [Float](repeating: 0, count: tiles * 3 * width)
    selectors.withUnsafeMutableBufferPointer { selectors in
      weights.withUnsafeBufferPointer { weights in
        place.queries.withUnsafeBufferPointer { queries in
          for tile in 0..<tiles {
            for part in 0..<3 * group {
              let to = (tile * 3 + part / group) * width
              let from = tile * weights.count + part * width
              for channel in 0..<width {
                selectors[to + channel] += weights[part * width + channel] * queries[from + channel]
              }
            }
          }
        }
      }
    }
    return selectors
  }

  /// In sixteen sums, so that it is computed by vectors; `count` is a multiple of 16.
  private static func dot(
    _ a: UnsafeBufferPointer<Float>, _ aStart: Int, _ b: UnsafeBufferPointer<Float>, _ bStart: Int,
    _ count: Int
  ) -> Float {
    var sums = SIMD16<Float>(repeating: 0)
    guard let a = a.baseAddress, let b = b.baseAddress else { return 0 }
    for index in stride(from: 0, to: count, by: 16) {
      let x = UnsafeRawPointer(a + aStart + index).loadUnaligned(as: SIMD16<Float>.self)
      let y = UnsafeRawPointer(b + bStart + index).loadUnaligned(as: SIMD16<Float>.self)
      sums += x * y
    }
    return sums.sum()
  }
}
