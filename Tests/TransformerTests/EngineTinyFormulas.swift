import Foundation
import Transformer

extension EngineTinyModel {
  /// What one key/value head of one layer attends with: for each position its key, and the queries
  /// of the heads that share it, side by side; both rotated.
  struct HeadInputs {
    let layer: Int
    let queries: [[Double]]
    let keys: [[Double]]
  }

  /// The logits after each token, by the formulas and nothing else, in double precision.
  ///
  /// - Parameters:
  ///   - shows: whether a query's position sees a key's, for key ≤ query
  ///   - angle: by how much a query's pair of channels is turned against a key's; the distance
  ///     times the trained frequency if `nil`
  ///   - sees: which keys each query sees, decided from the queries and keys themselves; instead of
  ///     `shows`
  func logits(
    _ tokens: [Token], shows: (_ key: Int, _ query: Int) -> Bool = { _, _ in true },
    angle: ((_ key: Int, _ query: Int, _ pair: Int) -> Double)? = nil,
    sees: ((HeadInputs) -> [[Int]])? = nil
  ) -> [[Double]] {
    var stream = tokens.map { row("token_embd.weight", Int($0)) }
    for block in 0..<Self.blockCount {
      let prefix = "blk.\(block)."
      let normed = stream.map { norm($0, prefix + "attn_norm.weight") }
      let turns = angle == nil
      let queries = normed.enumerated().map {
        rotated(project(prefix + "attn_q", $1), position: turns ? $0 : 0)
      }
      let keys = normed.enumerated().map {
        rotated(project(prefix + "attn_k", $1), position: turns ? $0 : 0)
      }
      let values = normed.map { project(prefix + "attn_v", $0) }
      let heads = (0..<Self.keyValueHeads).map { head in
        sees.map { $0(inputs(block, head, queries, keys)) }
          ?? tokens.indices.map { i in (0...i).filter { shows($0, i) } }
      }
      for i in tokens.indices {
        let attended = (0..<Self.keyValueHeads).flatMap { head in
          let seen = heads[head][i]
          return attend(
            seen.map { key in
              guard let angle else { return queries[i] }
              return rotated(queries[i]) { angle(key, i, $0) }
            }, seen.map { keys[$0] }, seen.map { values[$0] }, keyValueHead: head)
        }
        stream[i] = sum(stream[i], multiply(prefix + "attn_output.weight", attended))
        let input = norm(stream[i], prefix + "ffn_norm.weight")
        let gate = multiply(prefix + "ffn_gate.weight", input)
        let up = multiply(prefix + "ffn_up.weight", input)
        let hidden = zip(gate, up).map { $0 / (1 + exp(-$0)) * $1 }
        stream[i] = sum(stream[i], multiply(prefix + "ffn_down.weight", hidden))
      }
    }
    return stream.map { multiply("output.weight", norm($0, "output_norm.weight")) }
  }

  private func row(_ name: String, _ index: Int) -> [Double] {
    (tensors[name] ?? [])[index * Self.width..<(index + 1) * Self.width].map(Double.init)
  }

  private func multiply(_ name: String, _ x: [Double]) -> [Double] {
    // Pointers, because this is most of the work and tests are built without optimisation.
    (tensors[name] ?? []).withUnsafeBufferPointer { weights in
      x.withUnsafeBufferPointer { x in
        (0..<weights.count / x.count).map { r in
          var sum = 0.0
          var k = 0
          while k < x.count {
            sum += Double(weights[r &* x.count &+ k]) * x[k]
            k &+= 1
          }
          return sum
        }
      }
    }
  }

  private func project(_ name: String, _ x: [Double]) -> [Double] {
    let product = multiply(name + ".weight", x)
    return tensors[name + ".bias"].map { zip(product, $0).map { $0 + Double($1) } } ?? product
  }

  private func norm(_ x: [Double], _ name: String) -> [Double] {
    let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
    let factor = 1 / (mean + Self.epsilon).squareRoot()
    return zip(x, tensors[name] ?? []).map { $0 * factor * Double($1) }
  }

  private func sum(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map(+) }

  private func inputs(
    _ layer: Int, _ head: Int, _ queries: [[Double]], _ keys: [[Double]]
  ) -> HeadInputs {
    let (width, group) = (Self.headWidth, Self.heads / Self.keyValueHeads)
    return HeadInputs(
      layer: layer,
      queries: queries.map { Array($0[head * group * width..<(head + 1) * group * width]) },
      keys: keys.map { Array($0[head * width..<(head + 1) * width]) })
  }

  private func rotated(_ x: [Double], position: Int) -> [Double] {
    position == 0 ? x : rotated(x) { Double(position) * Self.frequency($0) }
  }

  /// θ of a pair of channels.
  static func frequency(_ pair: Int) -> Double {
    pow(rotaryBase, -2 * Double(pair) / Double(headWidth))
  }

  private func rotated(_ x: [Double], by angle: (_ pair: Int) -> Double) -> [Double] {
    var out = x
    let half = Self.headWidth / 2
    let angles = (0..<half).map(angle)
    for pair in 0..<x.count / 2 {
      let (head, channel) = pair.quotientAndRemainder(dividingBy: half)
      let (start, angle) = (head * Self.headWidth, angles[channel])
      let (a, b) =
        architecture == "qwen2"
        ? (start + channel, start + channel + half)
        : (start + 2 * channel, start + 2 * channel + 1)
      out[a] = x[a] * cos(angle) - x[b] * sin(angle)
      out[b] = x[a] * sin(angle) + x[b] * cos(angle)
    }
    return out
  }

  /// The heads that share a key/value head, side by side; `queries` as they look at each key.
  private func attend(
    _ queries: [[Double]], _ keys: [[Double]], _ values: [[Double]], keyValueHead shared: Int
  ) -> [Double] {
    let (width, group) = (Self.headWidth, Self.heads / Self.keyValueHeads)
    return (shared * group..<(shared + 1) * group).flatMap { head -> [Double] in
      let scores = zip(queries, keys).map { query, key in
        (0..<width).reduce(0.0) {
          $0 + query[head * width + $1] * key[shared * width + $1]
        } / Double(width).squareRoot()
      }
      let most = scores.max() ?? 0
      let weights = scores.map { exp($0 - most) }
      let total = weights.reduce(0, +)
      return (0..<width).map { c in
        zip(weights, values).reduce(0.0) { $0 + $1.0 * $1.1[shared * width + c] } / total
      }
    }
  }
}
