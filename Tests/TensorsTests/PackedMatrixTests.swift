import Foundation
import Tensors
import Testing

/// Products with packed weights, in every file format, against sums over the dequantised rows.
struct PackedMatrixTests {
  /// A matrix of random blocks in `format`, and the numbers they stand for.
  struct Sample {
    let matrix: PackedMatrix
    let rows: [[Float]]

    init(_ format: ElementFormat, rows rowCount: Int, columns: Int, seed: UInt64) throws {
      var numbers = Numbers(seed: seed)
      let rowBytes = format.rowBytes(columns: columns)
      var bytes = [UInt8]()
      for _ in 0..<rowCount { bytes += Self.row(format, columns: columns, &numbers) }
      let matrix = try #require(PackedMatrix(rows: rowCount, columns: columns, format: format))
      bytes.withUnsafeBytes { matrix.pack($0, firstTile: 0) }
      self.matrix = matrix
      rows = (0..<rowCount).map { row in
        var out = [Float](repeating: 0, count: columns)
        bytes.withUnsafeBytes { bytes in
          out.withUnsafeMutableBufferPointer { out in
            format.dequantise(
              .init(rebasing: bytes[row * rowBytes..<(row + 1) * rowBytes]), into: out)
          }
        }
        return out
      }
    }

    /// Random codes with scales between 0.01 and 0.02, which are ordinary halves.
    private static func row(
      _ format: ElementFormat, columns: Int, _ numbers: inout Numbers
    ) -> [UInt8] {
      func half(_ value: Float) -> [UInt8] {
        var bits: [UInt16] = [0]
        [value].withUnsafeBufferPointer { Kernels.scalar.toHalf($0, into: &bits) }
        return [UInt8(bits[0] & 255), UInt8(bits[0] >> 8)]
      }
      var bytes: [UInt8] = []
      switch format {
      case .f32:
        for _ in 0..<columns {
          withUnsafeBytes(of: numbers.uniform().bitPattern) { bytes += Array($0) }
        }
      case .f16: for _ in 0..<columns { bytes += half(numbers.uniform()) }
      case .bf16:
        for _ in 0..<columns {
          let bits = numbers.uniform().bitPattern >> 16
          bytes += [UInt8(bits & 255), UInt8(bits >> 8)]
        }
      case .q4_0, .q4_1, .q5_0, .q8_0:
        for _ in 0..<columns / 32 {
          bytes += half(numbers.uniform(0.01...0.02))
          if format == .q4_1 { bytes += half(numbers.uniform(-0.2...0)) }
          let scaleBytes = format == .q4_1 ? 4 : 2
          bytes += numbers.bytes(format.rowBytes(columns: 32) - scaleBytes)
        }
      case .q4_K:
        for _ in 0..<columns / 256 {
          bytes += half(numbers.uniform(0.0002...0.0004)) + half(numbers.uniform(0...0.003))
          bytes += numbers.bytes(140)
        }
      case .q6_K:
        for _ in 0..<columns / 256 {
          bytes += numbers.bytes(208) + half(numbers.uniform(0.00005...0.0001))
        }
      }
      return bytes
    }
  }

  /// x as activations of `columns` each.
  struct Input {
    let activations: Activations
    let memory: Memory

    init(
      _ x: [Float], rows: Int, columns: Int, form: ProductForm, kernels: Kernels
    ) throws {
      memory = try #require(
        Memory(byteCount: Activations.byteCount(rows: rows, columns: columns)))
      var arena = Arena(memory)
      activations = Activations(rows: rows, columns: columns, from: &arena)
      for (index, value) in x.enumerated() { activations.floats[index] = value }
      activations.prepare(0..<rows, form: form, kernels: kernels)
    }
  }

  static func multiply(
    _ sample: Sample, _ x: [Float], rows: Int, form: ProductForm, _ kernels: Kernels,
    start: Float = 0, accumulates: Bool = false
  ) throws -> [Float] {
    let matrix = sample.matrix
    let input = try Input(
      x, rows: rows, columns: matrix.columns, form: form, kernels: kernels)
    var out = [Float](repeating: start, count: rows * matrix.paddedRows)
    out.withUnsafeMutableBufferPointer { out in
      guard let start = out.baseAddress else { return }
      matrix.multiply(
        tiles: 0..<matrix.tileCount, input.activations, xRows: 0..<rows, into: start,
        stride: matrix.paddedRows, accumulates: accumulates, form: form, kernels: kernels)
    }
    return withExtendedLifetime(input.memory) { out }
  }

  static func exact(_ sample: Sample, _ x: [Float], rows: Int) -> [Float] {
    let matrix = sample.matrix
    return (0..<rows).flatMap { i in
      (0..<matrix.paddedRows).map { r -> Float in
        guard r < matrix.rows else { return 0 }
        return Float(
          (0..<matrix.columns).reduce(0.0) {
            $0 + Double(x[i * matrix.columns + $1]) * Double(sample.rows[r][$1])
          })
      }
    }
  }

  /// All formats but Q4_K, whose scales are rounded: `KQuantTests`.
  @Test(arguments: ElementFormat.allCases.filter { $0 != .q4_K })
  func `a packed row unpacks to what the file says`(format: ElementFormat) throws {
    for (rows, blocks) in [(16, 1), (35, 3), (1, 9)] {
      let columns = blocks * format.rowMultiple
      let sample = try Sample(format, rows: rows, columns: columns, seed: 7)
      for row in 0..<rows {
        var out = [Float](repeating: .nan, count: columns)
        sample.matrix.unpackRow(row, into: &out)
        #expect(out == sample.rows[row])
      }
    }
  }

  @Test func `blocks stand for the numbers that their formats define`() throws {
    // d = 2 (0x4000), m = −1 (0xbc00); the first byte holds elements 0 and 16.
    func numbers(_ format: ElementFormat, _ bytes: [UInt8]) -> [Float] {
      var out = [Float](repeating: 0, count: 32)
      bytes.withUnsafeBytes { bytes in
        out.withUnsafeMutableBufferPointer { format.dequantise(bytes, into: $0) }
      }
      return out
    }
    let nibbles: [UInt8] = [0x3f] + [UInt8](repeating: 0, count: 15)
    let q4_0 = numbers(.q4_0, [0x00, 0x40] + nibbles)
    #expect(q4_0[0] == 14 && q4_0[16] == -10 && q4_0[1] == -16)
    let q4_1 = numbers(.q4_1, [0x00, 0x40, 0x00, 0xbc] + nibbles)
    #expect(q4_1[0] == 29 && q4_1[16] == 5 && q4_1[1] == -1)
    // Fifth bits: element 0 and element 17.
    let q5_0 = numbers(.q5_0, [0x00, 0x40, 0x01, 0x00, 0x02, 0x00] + nibbles)
    #expect(q5_0[0] == 30 && q5_0[16] == -26 && q5_0[17] == 0 && q5_0[1] == -32)
    let q8_0 = numbers(.q8_0, [0x00, 0x40, 0x7f, 0x80] + [UInt8](repeating: 0, count: 30))
    #expect(q8_0[0] == 254 && q8_0[1] == -256 && q8_0[2] == 0)
  }

  /// Products of up to 1 in sums of 576 terms: √576 roundings of 2⁻²⁴ · 10 stay below 2e-4. Q4_K's
  /// scales are rounded by up to 2⁻¹¹ each: random errors of 1e-4 in each of up to 1,024 terms.
  @Test(arguments: ElementFormat.allCases, Kernels.Level.allCases)
  func `a float product equals the sum over the rows`(
    format: ElementFormat, level: Kernels.Level
  ) throws {
    let kernels = try kernels(level)
    var numbers = Numbers(seed: 8)
    let shapes =
      format.rowMultiple == 32
      ? [(16, 32, 1), (20, 96, 7), (33, 576, 13), (16, 288, 24)]
      : [(16, 256, 1), (20, 512, 7), (33, 1_024, 2)]
    let tolerance: Float = format == .q4_K ? 5e-3 : 2e-4
    for (weightRows, columns, rows) in shapes {
      let sample = try Sample(format, rows: weightRows, columns: columns, seed: 9)
      let x = numbers.floats(rows * columns)
      let result = try Self.multiply(sample, x, rows: rows, form: .floats, kernels)
      let expected = Self.exact(sample, x, rows: rows)
      expectClose(
        result, expected, absolute: tolerance, "\(weightRows) × \(columns), \(rows) rows")
      let more = try Self.multiply(
        sample, x, rows: rows, form: .floats, kernels, start: 1, accumulates: true)
      expectClose(more, expected.map { $0 + 1 }, absolute: tolerance)
    }
  }

  /// What is in a batch must not change an answer: however many rows share a product, each gets the
  /// bits that it gets alone. Row counts around every group of rows that a kernel takes together.
  @Test(arguments: [ElementFormat.f16, .q4_1, .q8_0], Kernels.Level.allCases)
  func `a row's result does not depend on the rows beside it`(
    format: ElementFormat, level: Kernels.Level
  ) throws {
    let kernels = try kernels(level)
    var numbers = Numbers(seed: 14)
    // More than one panel of 256, and a rest; more than the 768 that AVX2 spreads at a time.
    for columns in [32, 576, 1_568] {
      let sample = try Sample(format, rows: 20, columns: columns, seed: 15)
      let counts = [2, 3, 4, 5, 8, 9, 13, 16, 27]
      let x = numbers.floats(27 * columns)
      for form in [ProductForm.floats, .codes] {
        for accumulates in [false, true] {
          func rows(_ range: Range<Int>) throws -> [Float] {
            try Self.multiply(
              sample, Array(x[range.lowerBound * columns..<range.upperBound * columns]),
              rows: range.count, form: form, kernels, start: 0.3, accumulates: accumulates)
          }
          let alone = try (0..<27).flatMap { try rows($0..<$0 + 1) }
          for count in counts {
            let together = try rows(0..<count)
            #expect(
              together == Array(alone[..<together.count]),
              "\(count) rows of \(columns) in \(form), added: \(accumulates)")
          }
        }
      }
    }
  }

  /// Integer sums are exact, so that the twins differ by float roundings only.
  @Test(
    arguments: [ElementFormat.q4_0, .q4_1, .q5_0, .q8_0, .q4_K, .q6_K], Kernels.Level.vectorised)
  func `an 8-bit product equals its scalar twin`(
    format: ElementFormat, level: Kernels.Level
  ) throws {
    let fast = try kernels(level)
    var numbers = Numbers(seed: 10)
    let shapes =
      format.rowMultiple == 32
      ? [(16, 32, 1), (20, 96, 7), (33, 576, 13), (16, 1_536, 9)]
      : [(16, 256, 1), (20, 512, 7), (33, 768, 13), (16, 1_536, 9)]
    for (weightRows, columns, rows) in shapes {
      let sample = try Sample(format, rows: weightRows, columns: columns, seed: 11)
      let x = numbers.floats(rows * columns)
      let result = try Self.multiply(sample, x, rows: rows, form: .codes, fast)
      let expected = try Self.multiply(sample, x, rows: rows, form: .codes, .scalar)
      expectClose(result, expected, absolute: 5e-4, relative: 1e-5, "\(columns) columns")
      let more = try Self.multiply(
        sample, x, rows: rows, form: .codes, fast, start: 1, accumulates: true)
      expectClose(more, expected.map { $0 + 1 }, absolute: 5e-4, relative: 1e-5)
    }
  }

  /// The largest codes everywhere, where narrow sums would overflow. The result is 32 · 15 · 127 or
  /// 32 · 128 · 127 times the scales, exact up to float rounding.
  @Test(arguments: Kernels.Level.allCases)
  func `the largest codes do not overflow`(level: Kernels.Level) throws {
    let kernels = try kernels(level)
    let columns = 64
    for sign: Float in [1, -1] {
      for (format, block, weight) in [
        (ElementFormat.q4_1, [UInt8](repeating: 255, count: 16), Float(15)),
        (.q8_0, [UInt8](repeating: 127, count: 32), 127),
        (.q8_0, [UInt8](repeating: 128, count: 32), -128),
      ] {
        // d = 1, m = 0.
        let head: [UInt8] = format == .q4_1 ? [0, 0x3c, 0, 0] : [0, 0x3c]
        let bytes = (0..<16 * columns / 32).flatMap { _ in head + block }
        let matrix = try #require(PackedMatrix(rows: 16, columns: columns, format: format))
        bytes.withUnsafeBytes { matrix.pack($0, firstTile: 0) }
        let sample = Sample(matrix: matrix, rows: [])
        let x = [Float](repeating: 127 * sign, count: 9 * columns)
        let result = try Self.multiply(sample, x, rows: 9, form: .codes, kernels)
        let expected = [Float](repeating: weight * 127 * sign * Float(columns), count: 9 * 16)
        expectClose(result, expected, absolute: 0, relative: 1e-6, "\(format) \(weight)")
      }
    }
  }

  /// The same for Q6_K: codes of −32 everywhere, and s and d of 1.
  @Test(arguments: Kernels.Level.allCases)
  func `the largest codes of Q6_K do not overflow`(level: Kernels.Level) throws {
    let kernels = try kernels(level)
    let block =
      [UInt8](repeating: 0, count: 192) + [UInt8](repeating: 1, count: 16) + [0x00, 0x3c]
    let matrix = try #require(PackedMatrix(rows: 16, columns: 256, format: .q6_K))
    (0..<16).flatMap { _ in block }.withUnsafeBytes { matrix.pack($0, firstTile: 0) }
    for sign: Float in [1, -1] {
      let x = [Float](repeating: 127 * sign, count: 9 * 256)
      let result = try Self.multiply(
        Sample(matrix: matrix, rows: []), x, rows: 9, form: .codes, kernels)
      let expected = [Float](repeating: -32 * 127 * sign * 256, count: 9 * 16)
      expectClose(result, expected, absolute: 0, relative: 1e-6)
    }
  }

  /// Rounding to 8 bits errs by at most half a step: the largest magnitude of the block / 254.
  @Test(arguments: Kernels.Level.allCases)
  func `8-bit activations err by half a step at most`(level: Kernels.Level) throws {
    let kernels = try kernels(level)
    var numbers = Numbers(seed: 12)
    let columns = 128
    var x = numbers.floats(columns)
    for index in 32..<64 { x[index] *= 1e6 }
    for index in 64..<96 { x[index] = 0 }
    for index in 96..<128 { x[index] *= 1e-30 }
    // The identity matrix shows each activation as the product sees it.
    var bytes: [UInt8] = []
    for row in 0..<columns {
      for block in 0..<columns / 32 {
        bytes += [0, 0x3c] + (0..<32).map { block * 32 + $0 == row ? 1 : 0 }
      }
    }
    let matrix = try #require(PackedMatrix(rows: columns, columns: columns, format: .q8_0))
    bytes.withUnsafeBytes { matrix.pack($0, firstTile: 0) }
    let seen = try Self.multiply(
      Sample(matrix: matrix, rows: []), x, rows: 1, form: .codes, kernels)
    for block in 0..<4 {
      let range = block * 32..<block * 32 + 32
      let step = (x[range].map(abs).max() ?? 0) / 127
      expectClose(
        Array(seen[range]), Array(x[range]), absolute: step * 0.5001, relative: 1e-6,
        "block \(block)")
    }
  }

  @Test(arguments: Kernels.Level.allCases)
  func `what is not a number stays visible in 8-bit products`(level: Kernels.Level) throws {
    let kernels = try kernels(level)
    for format in [ElementFormat.q4_1, .q8_0] {
      let sample = try Sample(format, rows: 16, columns: 64, seed: 13)
      for bad in [Float.nan, .infinity, -.infinity] {
        var x = [Float](repeating: 1, count: 64)
        x[40] = bad
        let result = try Self.multiply(sample, x, rows: 1, form: .codes, kernels)
        #expect(result.allSatisfy { !$0.isFinite })
      }
    }
  }
}

extension PackedMatrixTests.Sample {
  init(matrix: PackedMatrix, rows: [[Float]]) {
    self.matrix = matrix
    self.rows = rows
  }
}
