import Foundation
import Tensors
import Testing

/// Each vectorised kernel against its scalar twin.
struct RowOperationsTests {
  // A multiple of every vector width, lengths with remainders, and a real model's width.
  static let widths = [1, 7, 16, 33, 64, 576]

  /// Sums of n terms in another order differ by about √n roundings of 2⁻²⁴: 2e-6 leaves room.
  @Test(arguments: Kernels.Level.vectorised)
  func `an RMS norm equals its scalar twin`(level: Kernels.Level) throws {
    let fast = try kernels(level)
    var numbers = Numbers(seed: 1)
    for width in Self.widths {
      for scale: Float in [1, 1e-12, 1e12] {
        let x = numbers.floats(width).map { $0 * scale }
        let weight = numbers.floats(width)
        let results = [fast, .scalar].map { kernels in
          var out = [Float](repeating: 0, count: width)
          kernels.rmsNorm(x, weight: weight, epsilon: 1e-5, width: width, into: &out)
          return out
        }
        expectClose(results[0], results[1], absolute: 1e-30, relative: 2e-6, "width \(width)")
      }
    }
  }

  @Test(arguments: Kernels.Level.vectorised)
  func `a NaN spoils its whole row of a norm`(level: Kernels.Level) throws {
    let fast = try kernels(level)
    for place in [0, 31, 63] {
      var x = [Float](repeating: 1, count: 64)
      x[place] = .nan
      var out = x
      fast.rmsNorm(x, weight: x, epsilon: 1e-5, width: 64, into: &out)
      #expect(out.allSatisfy { $0.isNaN })
    }
  }

  /// One multiplication and one fused multiply-add: two roundings of numbers up to 2.
  @Test(arguments: Kernels.Level.vectorised)
  func `a rotation equals its scalar twin and leaves the other channels alone`(
    level: Kernels.Level
  ) throws {
    let fast = try kernels(level)
    var numbers = Numbers(seed: 2)
    for (width, pairs) in [(64, 32), (64, 16), (80, 33), (16, 1)] {
      let heads = 3
      let x = numbers.floats(heads * width)
      let angles = numbers.floats(pairs, -100...100)
      let (cosines, sines) = (angles.map(cos), angles.map(sin))
      let results = [fast, .scalar].map { kernels in
        var out = x
        kernels.rotate(
          &out, cosines: cosines, sines: sines, heads: heads, headWidth: width, pairs: pairs)
        return out
      }
      expectClose(results[0], results[1], absolute: 5e-7, "width \(width)")
      #expect(results[0][2 * pairs..<width] == x[2 * pairs..<width])
    }
  }

  /// A gate of ±100 is rounded to 2⁻²⁴ of itself once it is scaled by log₂ e, which moves its
  /// exponential by up to 100 · 2⁻²⁴ = 6e-6 of itself; the exponential adds 3e-7.
  @Test(arguments: Kernels.Level.vectorised)
  func `SwiGLU equals its scalar twin`(level: Kernels.Level) throws {
    let fast = try kernels(level)
    var numbers = Numbers(seed: 3)
    let (rows, columns, stride) = (3, 48, 64)
    let gate = numbers.floats(rows * stride, -100...100)
    let up = numbers.floats(rows * stride)
    let results = [fast, .scalar].map { kernels in
      var out = gate
      kernels.swiGLU(gate: &out, up: up, rows: rows, columns: columns, stride: stride)
      return out
    }
    expectClose(results[0], results[1], absolute: 1e-30, relative: 1e-5)
    #expect(results[0][48..<64] == gate[48..<64], "columns beyond the product")
  }

  /// Exponentials are good to 3e-7; the sum and the division add a few roundings.
  @Test(arguments: Kernels.Level.vectorised)
  func `a softmax equals its scalar twin`(level: Kernels.Level) throws {
    let fast = try kernels(level)
    var numbers = Numbers(seed: 4)
    for count in [1, 5, 16, 63, 1_000] {
      for spread: Float in [0, 1, 50, 1e4] {
        var x = numbers.floats(count).map { $0 * spread }
        if count > 5 { x[2] = -.infinity }
        let results = [fast, .scalar].map { kernels in
          var out = x
          out.withUnsafeMutableBufferPointer { kernels.softmax($0) }
          return out
        }
        // A logit of 10⁴ is known to 5e-4 only once it is scaled by log₂ e.
        let relative = 3e-6 + spread * 2e-7
        expectClose(results[0], results[1], absolute: 1e-30, relative: relative, "of \(count)")
        #expect(abs(results[0].reduce(0, +) - 1) < 1e-5)
        if count > 5 { #expect(results[0][2] == 0) }
      }
    }
  }

  @Test(arguments: Kernels.Level.vectorised)
  func `log-sum-exp and the greatest place equal their scalar twins`(level: Kernels.Level) throws {
    let fast = try kernels(level)
    var numbers = Numbers(seed: 5)
    for count in [1, 7, 64, 2_049, 49_152] {
      var x = numbers.floats(count, -20...20)
      x[count / 2] = 21
      x[count - 1] = 21
      x.withUnsafeBufferPointer { x in
        #expect(fast.indexOfGreatest(x) == count / 2)
        // The sum of 49,152 exponentials in eight lanes: below 1e-5 of a number near 30.
        let expected = Kernels.scalar.logSumExp(x)
        #expect(isClose(fast.logSumExp(x), expected, absolute: 3e-5))
      }
    }
  }

  @Test(arguments: Kernels.Level.allCases)
  func `a log-sum-exp with a NaN or an infinity is not a number`(level: Kernels.Level) throws {
    let kernels = try kernels(level)
    for bad in [Float.nan, .infinity] {
      for place in [0, 50, 99] {
        var x = [Float](repeating: 1, count: 100)
        x[place] = bad
        #expect(!x.withUnsafeBufferPointer { kernels.logSumExp($0) }.isFinite)
      }
    }
  }
}
