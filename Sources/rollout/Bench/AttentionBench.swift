import Foundation
import Tensors

/// The attention of one key/value head and the query heads that share it, over a whole text, in the
/// ways that this program and textbooks know. One thread.
struct AttentionBench {
  /// A way to attend; all but `window` give the same result.
  enum Way: String, CaseIterable, Encodable {
    /// Three loops over floats, a score at a time.
    case textbook
    /// The vectorised yardstick: the whole matrix of scores in memory.
    case dense
    case flash
    /// 1,020 positions and 4 sinks.
    case window
  }

  struct Result: Encodable {
    let seconds: Double
    /// Memory beyond queries, keys, values and output.
    let extraBytes: Int
  }

  static let group = 3
  static let width = 64
  private static let rowWidth = group * width

  private let length: Int
  private let kernels = Kernels.fastest
  private let units: AttentionUnits
  private let queries: [Float]
  private let keys: [Float]
  private let values: [Float]
  private let memory: Memory
  private let blocks: [KeyBlock]

  /// `nil` if the system has no memory for it.
  ///
  /// - Parameter length: positions of the text, at least 1
  init?(length: Int, mode: NumericMode) {
    self.length = length
    units = kernels.attentionUnits(
      for: kernels.form(of: mode, isPrefill: true), headWidth: Self.width)
    var seed: UInt64 = 1
    func numbers(_ count: Int) -> [Float] {
      (0..<count).map { _ in
        seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(seed >> 40) / Float(1 << 23) - 1
      }
    }
    queries = numbers(length * Self.rowWidth)
    keys = numbers(length * Self.width)
    values = numbers(length * Self.width)
    let size = KeyBlock.byteCount(headWidth: Self.width)
    let count = (length + KeyBlock.keyCount - 1) / KeyBlock.keyCount
    guard let memory = Memory(byteCount: count * size) else { return nil }
    self.memory = memory
    blocks = (0..<count).map { index in
      let keys = (memory.base + index * size).assumingMemoryBound(to: UInt16.self)
      return KeyBlock(keys: keys, values: keys + KeyBlock.keyCount * Self.width)
    }
    for position in 0..<length { store(position) }
  }

  private func store(_ position: Int) {
    let channels = position * Self.width..<(position + 1) * Self.width
    var key = Array(keys[channels])
    let value = Array(values[channels])
    let (block, slot) = position.quotientAndRemainder(dividingBy: KeyBlock.keyCount)
    blocks[block].store(
      key: &key, value: value, headWidth: Self.width, slot: slot, kernels: kernels)
  }

  func measure(_ way: Way) -> Result {
    var out = [Float](repeating: 0, count: length * Self.rowWidth)
    let begin = ContinuousClock.now
    let extraBytes: Int
    switch way {
    case .textbook: extraBytes = textbook(into: &out)
    case .dense: extraBytes = dense(into: &out)
    case .flash: extraBytes = tiled(into: &out, window: nil)
    case .window: extraBytes = tiled(into: &out, window: 1_020)
    }
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    return Result(seconds: seconds, extraBytes: extraBytes)
  }

  private func textbook(into out: inout [Float]) -> Int {
    var scores = [Float](repeating: 0, count: length)
    withRows(of: &out) { queries, out in
      keys.withUnsafeBufferPointer { keys in
        values.withUnsafeBufferPointer { values in
          for row in 0..<length * Self.group {
            let place = row * Self.width
            Self.attend(
              queries + place, keys, values, count: row / Self.group + 1, &scores, out + place)
          }
        }
      }
    }
    return scores.count * MemoryLayout<Float>.stride
  }

  /// One query over the first `count` keys: softmax as it is written.
  private static func attend(
    _ query: UnsafePointer<Float>, _ keys: UnsafeBufferPointer<Float>,
    _ values: UnsafeBufferPointer<Float>, count: Int, _ scores: inout [Float],
    _ out: UnsafeMutablePointer<Float>
  ) {
    let scale = 1 / Float(width).squareRoot()
    var most = -Float.infinity
    for key in 0..<count {
      var sum: Float = 0
      for c in 0..<width { sum += query[c] * keys[key * width + c] }
      scores[key] = sum * scale
      most = max(most, scores[key])
    }
    var total: Float = 0
    for key in 0..<count {
      scores[key] = exp(scores[key] - most)
      total += scores[key]
    }
    for key in 0..<count {
      let weight = scores[key] / total
      for c in 0..<width { out[c] += weight * values[key * width + c] }
    }
  }

  /// Each head's matrix of scores at once, as `dense` attention does in the engine.
  private func dense(into out: inout [Float]) -> Int {
    let keyCount = blocks.count * KeyBlock.keyCount
    var scores = [Float](repeating: 0, count: length * keyCount)
    var scratch = [Float](repeating: 0, count: QueryTile.scratchCount(headWidth: Self.width))
    let list = everything(upTo: length)
    withRows(of: &out) { queries, out in
      for head in 0..<Self.group {
        QueryTile(
          queries: queries + head * Self.width, out: out + head * Self.width, stride: Self.rowWidth,
          positions: length, group: 1, headWidth: Self.width, position: 0,
          scale: 1 / Float(Self.width).squareRoot()
        ).attendDensely(to: list, scores: &scores, scratch: &scratch, kernels: kernels)
      }
    }
    return (scores.count + scratch.count) * MemoryLayout<Float>.stride
  }

  private func tiled(into out: inout [Float], window: Int?) -> Int {
    let limit = QueryTile.positionLimit(group: Self.group, units: units)
    var scratch = [Float](repeating: 0, count: QueryTile.scratchCount(headWidth: Self.width))
    withRows(of: &out) { queries, out in
      for first in stride(from: 0, to: length, by: limit) {
        let positions = min(limit, length - first)
        let place = first * Self.rowWidth
        let tile = QueryTile(
          queries: queries + place, out: out + place, stride: Self.rowWidth, positions: positions,
          group: Self.group, headWidth: Self.width, position: first,
          scale: 1 / Float(Self.width).squareRoot())
        let list =
          window.map { recent($0, from: first, to: first + positions) }
          ?? everything(upTo: first + positions)
        tile.attend(to: list, scratch: &scratch, units: units, kernels: kernels)
      }
    }
    return scratch.count * MemoryLayout<Float>.stride
  }

  private func everything(upTo end: Int) -> KeyBlockList {
    var list = KeyBlockList()
    for index in 0...(end - 1) / KeyBlock.keyCount {
      list.append(
        blocks[index], start: index * KeyBlock.keyCount, positions: 0..<Int.max, reach: .max)
    }
    return list
  }

  private func recent(_ window: Int, from first: Int, to end: Int) -> KeyBlockList {
    let sinks = 4
    var list = KeyBlockList()
    list.append(blocks[0], start: 0, positions: 0..<sinks, reach: .max)
    for index in max(0, first - window + 1) / KeyBlock.keyCount...(end - 1) / KeyBlock.keyCount {
      list.append(
        blocks[index], start: index * KeyBlock.keyCount, positions: sinks..<Int.max, reach: window)
    }
    return list
  }

  private func withRows(
    of out: inout [Float],
    _ body: (UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  ) {
    queries.withUnsafeBufferPointer { queries in
      out.withUnsafeMutableBufferPointer { out in
        if let from = queries.baseAddress, let to = out.baseAddress { body(from, to) }
      }
    }
  }
}
