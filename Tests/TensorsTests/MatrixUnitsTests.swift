import Foundation
import Tensors
import Testing

/// What matrix units compute, against sums in double precision. Skipped where there are none.
struct MatrixUnitsTests {
  /// Each factor errs by 2⁻⁸ of itself if rounded; if exact, the product does by 2⁻¹⁶, and a sum of
  /// float32 numbers by a few roundings more.
  @Test(arguments: ElementFormat.allCases, [false, true])
  func `a product equals the sum over the rows`(format: ElementFormat, isExact: Bool) throws {
    let kernels = try kernels(.amx)
    var numbers = Numbers(seed: 21)
    let shapes =
      format.rowMultiple == 32
      ? [(16, 32, 1), (20, 96, 33), (33, 576, 13), (48, 1_536, 33)]
      : [(16, 256, 1), (20, 512, 33), (48, 1_536, 7)]
    for (weightRows, columns, rows) in shapes {
      let sample = try Self.asPacked(
        PackedMatrixTests.Sample(format, rows: weightRows, columns: columns, seed: 22))
      let x = numbers.floats(rows * columns)
      let form = ProductForm.brains(isExact: isExact)
      let result = try PackedMatrixTests.multiply(sample, x, rows: rows, form: form, kernels)
      let more = try PackedMatrixTests.multiply(
        sample, x, rows: rows, form: form, kernels, start: 1, accumulates: true)
      let expected = PackedMatrixTests.exact(sample, x, rows: rows)
      let magnitudes = PackedMatrixTests.Sample(
        matrix: sample.matrix, rows: sample.rows.map { $0.map(abs) })
      let bounds = PackedMatrixTests.exact(magnitudes, x.map(abs), rows: rows)
      let share: Float = isExact ? 0x1p-16 : 0x1p-8
      for (index, bound) in bounds.enumerated() {
        #expect(abs(result[index] - expected[index]) <= share * bound)
        #expect(abs(more[index] - 1 - expected[index]) <= share * (bound + 1))
      }
    }
  }

  /// The numbers that the packed rows hold, which packing Q4_K rounds.
  private static func asPacked(_ sample: PackedMatrixTests.Sample) -> PackedMatrixTests.Sample {
    PackedMatrixTests.Sample(
      matrix: sample.matrix,
      rows: sample.rows.indices.map { row in
        var out = [Float](repeating: 0, count: sample.matrix.columns)
        sample.matrix.unpackRow(row, into: &out)
        return out
      })
  }

  /// The identity's product reads what the gated one wrote. Both sums err as above, sigmoid's
  /// slope times its argument is below 1.1, and the result is rounded once more.
  @Test(arguments: [false, true])
  func `a gated product equals the two products and what joins them`(isExact: Bool) throws {
    let kernels = try kernels(.amx)
    var numbers = Numbers(seed: 31)
    let share: Float = isExact ? 0x1p-16 : 0x1p-8
    for (hidden, columns, rows) in [(32, 32, 1), (64, 96, 33), (32, 576, 40)] {
      let gate = try PackedMatrixTests.Sample(.q4_1, rows: hidden, columns: columns, seed: 32)
      let up = try PackedMatrixTests.Sample(.q8_0, rows: hidden, columns: columns, seed: 33)
      let x = numbers.floats(rows * columns)
      let result = try Self.gated(gate, up, x, rows: rows, isExact: isExact, kernels)
      let (g, u) = (
        PackedMatrixTests.exact(gate, x, rows: rows), PackedMatrixTests.exact(up, x, rows: rows)
      )
      let (gateBounds, upBounds) = (
        Self.magnitudes(gate, x, rows: rows), Self.magnitudes(up, x, rows: rows)
      )
      for index in result.indices {
        let silu = g[index] / (1 + exp(-g[index]))
        let bound =
          1.1 * gateBounds[index] * (abs(u[index]) + share * upBounds[index])
          + abs(silu) * upBounds[index] + 2 * abs(silu * u[index])
        #expect(abs(result[index] - silu * u[index]) <= share * bound)
      }
    }
  }

  @Test(arguments: [false, true])
  func `a gate that is not a number stays visible, and a low one closes`(isExact: Bool) throws {
    let kernels = try kernels(.amx)
    let sample = try PackedMatrixTests.Sample(.q4_1, rows: 32, columns: 64, seed: 34)
    for bad in [Float.nan, .infinity, -.infinity] {
      var x = [Float](repeating: 1, count: 2 * 64)
      x[40] = bad
      let result = try Self.gated(sample, sample, x, rows: 2, isExact: isExact, kernels)
      #expect(result[..<32].allSatisfy { !$0.isFinite })
      #expect(result[32...].allSatisfy { $0.isFinite })
    }
    for factor: Float in [1e4, -1e4] {
      let x = [Float](repeating: factor, count: 64)
      let sums = PackedMatrixTests.exact(sample, x, rows: 1)
      let result = try Self.gated(sample, sample, x, rows: 1, isExact: isExact, kernels)
      for (value, sum) in zip(result, sums) where sum < -100 { #expect(abs(value) < 1e-25) }
    }
  }

  /// The sums of magnitudes that errors are shares of.
  private static func magnitudes(
    _ sample: PackedMatrixTests.Sample, _ x: [Float], rows: Int
  ) -> [Float] {
    PackedMatrixTests.exact(
      PackedMatrixTests.Sample(matrix: sample.matrix, rows: sample.rows.map { $0.map(abs) }),
      x.map(abs), rows: rows)
  }

  /// The gated product of `x`, tile by tile and joined, times the identity.
  private static func gated(
    _ gate: PackedMatrixTests.Sample, _ up: PackedMatrixTests.Sample, _ x: [Float], rows: Int,
    isExact: Bool, _ kernels: Kernels
  ) throws -> [Float] {
    let hidden = gate.matrix.rows
    let form = ProductForm.brains(isExact: isExact)
    let input = try PackedMatrixTests.Input(
      x, rows: rows, columns: gate.matrix.columns, form: form, kernels: kernels)
    let output = try PackedMatrixTests.Input(
      [Float](repeating: 0, count: rows * hidden), rows: rows, columns: hidden, form: form,
      kernels: kernels)
    for first in stride(from: 0, to: gate.matrix.tileCount, by: 2) {
      gate.matrix.gatedProduct(
        up.matrix, tiles: first..<first + 2, input.activations, xRows: rows,
        into: output.activations, form: form, kernels: kernels)
    }
    let identity = try #require(PackedMatrix(rows: hidden, columns: hidden, format: .f32))
    let ones = (0..<hidden * hidden).map { Float($0 % (hidden + 1) == 0 ? 1 : 0) }
    ones.withUnsafeBytes { identity.pack($0, firstTile: 0) }
    var result = [Float](repeating: .nan, count: rows * hidden)
    result.withUnsafeMutableBufferPointer { out in
      guard let start = out.baseAddress else { return }
      identity.multiply(
        tiles: 0..<identity.tileCount, output.activations, xRows: 0..<rows, into: start,
        stride: hidden, form: form, kernels: kernels)
    }
    return withExtendedLifetime((input.memory, output.memory)) { result }
  }

  @Test(arguments: [false, true])
  func `a row's result does not depend on the rows beside it`(isExact: Bool) throws {
    let kernels = try kernels(.amx)
    var numbers = Numbers(seed: 23)
    let form = ProductForm.brains(isExact: isExact)
    let sample = try PackedMatrixTests.Sample(.q4_1, rows: 48, columns: 1_536, seed: 24)
    let x = numbers.floats(40 * 1_536)
    let together = try PackedMatrixTests.multiply(sample, x, rows: 40, form: form, kernels)
    for row in [0, 15, 16, 31, 39] {
      let alone = try PackedMatrixTests.multiply(
        sample, Array(x[row * 1_536..<(row + 1) * 1_536]), rows: 1, form: form, kernels)
      #expect(alone == Array(together[row * 48..<(row + 1) * 48]))
    }
  }

  @Test(arguments: [false, true])
  func `what is not a number stays visible`(isExact: Bool) throws {
    let kernels = try kernels(.amx)
    let sample = try PackedMatrixTests.Sample(.q4_1, rows: 16, columns: 64, seed: 13)
    for bad in [Float.nan, .infinity, -.infinity] {
      var x = [Float](repeating: 1, count: 2 * 64)
      x[40] = bad
      let result = try PackedMatrixTests.multiply(
        sample, x, rows: 2, form: .brains(isExact: isExact), kernels)
      #expect(result[..<16].allSatisfy { !$0.isFinite })
      #expect(result[16...].allSatisfy { $0.isFinite })
    }
  }

  static let attentions = [
    AttentionTests.Case(positions: 1, first: 0, group: 1, width: 32),
    .init(positions: 1, first: 200, group: 3, width: 64),
    .init(positions: 64, first: 0, group: 3, width: 64),
    .init(positions: 64, first: 450, group: 3, width: 64),
    .init(positions: 128, first: 20, group: 3, width: 32),
    .init(positions: 17, first: 47, group: 4, width: 96),
    .init(positions: 20, first: 300, group: 8, width: 128),
    .init(positions: 64, first: 250, group: 3, width: 64, window: .init(sinks: 4, reach: 20)),
    .init(positions: 8, first: 120, group: 1, width: 32, window: .init(sinks: 70, reach: 1)),
    // Scores so far apart that the running maximum moves by more than it may lag behind.
    .init(positions: 33, first: 300, group: 3, width: 64, spread: 4),
  ]

  /// Values up to 1. Rounded factors err by 2⁻⁸ of scores up to 10, and so do the weights; exact
  /// ones by 2⁻¹⁶ of them, 5e-5 in all.
  @Test(arguments: [false, true])
  func `attention equals the textbook`(isExact: Bool) throws {
    let kernels = try kernels(.amx)
    for (index, test) in Self.attentions.enumerated() {
      var numbers = Numbers(seed: UInt64(index))
      let queries = numbers.floats(
        test.positions * test.group * test.width, -test.spread...test.spread)
      let cache = try AttentionTests.Cache(
        length: test.first + test.positions, width: test.width, spread: test.spread, seed: 99,
        kernels: kernels)
      let result = try AttentionTests.run(
        test, queries, cache, kernels, isDense: false, units: .matrix(isExact: isExact))
      expectClose(
        result, AttentionTests.textbook(test, queries, cache),
        absolute: isExact ? 5e-5 : 0x1p-6 * test.spread, test.description)
    }
  }

  @Test(arguments: [false, true])
  func `sinks are looked at with queries of their own`(isExact: Bool) throws {
    let kernels = try kernels(.amx)
    let cache = try AttentionTests.Cache(
      length: 182, width: 64, spread: 1, seed: 8, kernels: kernels)
    var list = KeyBlockList()
    list.append(cache.blocks[0], start: 0, positions: 0..<4, reach: .max, isSink: true)
    for (index, block) in cache.blocks.enumerated() {
      list.append(block, start: index * KeyBlock.keyCount, positions: 4..<Int.max, reach: 50)
    }
    var numbers = Numbers(seed: 35)
    let (queries, sinkQueries) = (numbers.floats(32 * 192), numbers.floats(32 * 192))
    func attend(_ units: AttentionUnits, _ kernels: Kernels) throws -> [Float] {
      var out = [Float](repeating: .nan, count: 32 * 192)
      let bytes = QueryTile.scratchCount(headWidth: 64) * MemoryLayout<Float>.stride
      let memory = try #require(Memory(byteCount: bytes))
      queries.withUnsafeBufferPointer { queries in
        sinkQueries.withUnsafeBufferPointer { sinkQueries in
          out.withUnsafeMutableBufferPointer { out in
            guard let from = queries.baseAddress, let to = out.baseAddress else { return }
            QueryTile(
              queries: from, sinkQueries: sinkQueries.baseAddress, out: to, stride: 192,
              positions: 32, group: 3, headWidth: 64, position: 150, scale: 0.125
            ).attend(
              to: list, scratch: memory.base.assumingMemoryBound(to: Float.self), units: units,
              kernels: kernels)
          }
        }
      }
      return withExtendedLifetime(memory) { out }
    }
    expectClose(
      try attend(.matrix(isExact: isExact), kernels), try attend(.vector, .scalar),
      absolute: isExact ? 5e-5 : 0x1p-6)
    withExtendedLifetime(cache.memory) {}
  }

  @Test func `a query that sees nothing gets zeros`() throws {
    let kernels = try kernels(.amx)
    let test = AttentionTests.Case(
      positions: 40, first: 0, group: 1, width: 32, window: .init(sinks: 0, reach: 64))
    let cache = try AttentionTests.Cache(
      length: 40, width: 32, spread: 1, seed: 3, kernels: kernels)
    var list = KeyBlockList()
    list.append(cache.blocks[0], start: 0, positions: 20..<64, reach: .max)
    let queries = [Float](repeating: 1, count: 40 * 32)
    var out = [Float](repeating: .nan, count: 40 * 32)
    var scratch = [Float](repeating: 0, count: QueryTile.scratchCount(headWidth: 32))
    queries.withUnsafeBufferPointer { queries in
      out.withUnsafeMutableBufferPointer { out in
        guard let from = queries.baseAddress, let to = out.baseAddress else { return }
        QueryTile(
          queries: from, out: to, stride: 32, positions: test.positions, group: 1, headWidth: 32,
          position: 0, scale: 0.2
        ).attend(
          to: list, scratch: &scratch, units: .matrix(isExact: true), kernels: kernels)
      }
    }
    #expect(out[..<(20 * 32)].allSatisfy { $0 == 0 })
    #expect(out[(20 * 32)...].allSatisfy { $0 != 0 && $0.isFinite })
    withExtendedLifetime(cache.memory) {}
  }
}
