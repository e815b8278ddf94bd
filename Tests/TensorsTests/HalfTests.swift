import Foundation
import Tensors
import Testing

/// binary16 against the definition of the format.
struct HalfTests {
  private static func toFloats(_ halves: [UInt16], _ kernels: Kernels) -> [Float] {
    var out = [Float](repeating: 0, count: halves.count)
    halves.withUnsafeBufferPointer { kernels.fromHalf($0, into: &out) }
    return out
  }

  private static func toHalves(_ floats: [Float], _ kernels: Kernels) -> [UInt16] {
    var out = [UInt16](repeating: 0, count: floats.count)
    floats.withUnsafeBufferPointer { kernels.toHalf($0, into: &out) }
    return out
  }

  @Test(arguments: Kernels.Level.allCases)
  func `every half has its value and comes back`(level: Kernels.Level) throws {
    let kernels = try kernels(level)
    let all = (0...UInt16.max).map { $0 }
    let floats = Self.toFloats(all, kernels)
    let back = Self.toHalves(floats, kernels)
    let wrong = zip(all, floats).filter { half, float in
      let value = Self.value(of: half)
      return value.isNaN
        ? !float.isNaN : Double(float) != value || back[Int(half)] != half
    }
    #expect(wrong.isEmpty, "the first is \(String(describing: wrong.first))")
  }

  /// IEEE 754-2019, section 3.4.
  private static func value(of half: UInt16) -> Double {
    let exponent = Int(half >> 10 & 31)
    let fraction = Double(half & 1_023) / 1_024
    let sign: Double = half >> 15 == 0 ? 1 : -1
    switch exponent {
    case 31: return fraction == 0 ? sign * .infinity : .nan
    case 0: return sign * fraction * 0x1p-14
    default:
      return sign * (1 + fraction) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
    }
  }

  /// Halfway cases go to the even neighbour; what is beyond 65,520 becomes infinite.
  @Test(arguments: Kernels.Level.allCases)
  func `rounding to half is to nearest even`(level: Kernels.Level) throws {
    let kernels = try kernels(level)
    let cases: [(Float, UInt16)] = [
      (1 + 0x1p-11, 0x3c00), (1 + 0x3p-11, 0x3c02), (1 + 0x1p-11 + 0x1p-20, 0x3c01),
      (65_519, 0x7bff), (65_520, 0x7c00), (-1e30, 0xfc00), (0x1p-25, 0), (0x1.8p-25, 1),
      (0x1p-24, 1), (0x1p-14, 0x0400), (-0.0, 0x8000), (0x1p-149, 0),
    ]
    // A row of one number takes the remainder's path, a row of sixteen the vectors'.
    for (float, half) in cases {
      #expect(Self.toHalves([float], kernels) == [half])
      let row = [Float](repeating: float, count: 16)
      #expect(Self.toHalves(row, kernels) == [UInt16](repeating: half, count: 16))
    }
  }
}
