import Foundation
import Tensors

@testable import Transformer

/// Runs a variant on the test's own thread, and shows the logits.
struct EngineRunner {
  let variant: ModelVariant
  let executor: Executor
  let budget = CacheBudget(limitBytes: 1 << 30)
  var cacheFormat = CacheFormat.f16

  init(
    _ variant: ModelVariant, mode: NumericMode = .float32, kernels: Kernels = .fastest,
    cacheFormat: CacheFormat = .f16
  ) {
    self.variant = variant
    self.cacheFormat = cacheFormat
    executor = Executor(kernels: kernels, mode: mode, lane: 0, lanes: 1)
  }

  init(
    _ weights: Weights, _ attention: AttentionKind, mode: NumericMode = .float32,
    cacheFormat: CacheFormat = .f16
  ) throws {
    self.init(
      try ModelVariant(name: "\(attention)", weights: weights, attention: attention), mode: mode,
      cacheFormat: cacheFormat)
  }

  func emptyCache() -> KeyValueCache {
    KeyValueCache(
      KeyValuePage.Shape(variant, format: cacheFormat), budget: budget, priority: .live)
  }

  /// The logits after the last tokens, [last][vocabularySize].
  ///
  /// - Parameters:
  ///   - chunks: how many tokens to read at a time, again and again; 256 if empty
  ///   - last: how many; all if `nil`
  func logits(_ tokens: [Token], chunks: [Int] = [], last: Int? = nil) throws -> [[Float]] {
    var cache = emptyCache()
    var all: [[Float]] = []
    var turn = 0
    var rest = tokens[...]
    while !rest.isEmpty {
      let wanted = rest.prefix(chunks.isEmpty ? Workspace.chunkLimit : chunks[turn % chunks.count])
      let chunk = variant.chunk(wanted, after: cache)
      rest = rest.dropFirst(chunk.count)
      turn += 1
      all += try logits(chunk, &cache, from: last.map { tokens.count - $0 } ?? 0)
    }
    return all
  }

  /// The logits after those tokens of one chunk whose place in the text is `first` or later.
  func logits(
    _ chunk: ArraySlice<Token>, _ cache: inout KeyValueCache, from first: Int = 0,
    isPrefill: Bool = true
  ) throws -> [[Float]] {
    let start = cache.length
    let pass = try executor.pass(variant.weights, isPrefill: isPrefill)
    try pass.run(chunk, of: variant, cache: &cache)
    var all: [[Float]] = []
    var row = max(0, first - start)
    while row < chunk.count {
      let rows = row..<min(row + Workspace.logitRows, chunk.count)
      pass.computeLogits(rows: rows)
      for index in 0..<rows.count { all.append(Array(pass.workspace.logits(row: index))) }
      row = rows.upperBound
    }
    return all
  }
}

// Loops over pointers, because tests are built without optimisation.

/// The greatest distance between two sets of logits; infinite if one has a NaN.
func greatestDifference(_ a: [[Float]], _ b: [[Float]]) -> Float {
  guard a.count == b.count, !a.isEmpty else { return .infinity }
  var greatest: Float = 0
  for (first, second) in zip(a, b) {
    first.withUnsafeBufferPointer { first in
      second.withUnsafeBufferPointer { second in
        var index = 0
        while index < first.count {
          let difference = abs(first[index] - second[index])
          greatest = difference <= greatest ? greatest : difference.isNaN ? .infinity : difference
          index &+= 1
        }
      }
    }
  }
  return greatest
}

/// The mean Kullback–Leibler divergence of the distributions of `b` from those of `a`, in nats.
func meanDivergence(_ a: [[Float]], _ b: [[Float]]) -> Double {
  var sum = 0.0
  for (first, second) in zip(a, b) {
    first.withUnsafeBufferPointer { first in
      second.withUnsafeBufferPointer { second in
        let totals = (
          Double(Kernels.fastest.logSumExp(first)), Double(Kernels.fastest.logSumExp(second))
        )
        var index = 0
        while index < first.count {
          let log = Double(first[index]) - totals.0
          sum += exp(log) * (log - (Double(second[index]) - totals.1))
          index &+= 1
        }
      }
    }
  }
  return sum / Double(a.count)
}
