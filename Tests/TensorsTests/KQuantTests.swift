import Foundation
import Tensors
import Testing

/// The K-quants against the numpy code of `gguf`; `fixtures/quants/generate.py` made the blocks.
struct KQuantTests {
  struct Sample: Decodable {
    let block: String
    let numbers: String
  }

  private static let samples = Result {
    try JSONDecoder().decode(
      [String: [Sample]].self,
      from: Data(
        contentsOf: URL(filePath: #filePath)
          .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
          .appending(path: "fixtures/quants/k-quants.json")))
  }

  /// The bytes of each block, and the numbers it stands for.
  private static func blocks(_ name: String) throws -> [(bytes: [UInt8], numbers: [Float])] {
    try #require(try samples.get()[name]).map { sample in
      let bits = try bytes(sample.numbers)
      return (
        try bytes(sample.block),
        stride(from: 0, to: bits.count, by: 4).map { start in
          Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bits[start + $1]) << (8 * $1) })
        }
      )
    }
  }

  private static func bytes(_ hexadecimal: String) throws -> [UInt8] {
    let digits = Array(hexadecimal.utf8).compactMap { Character(.init($0)).hexDigitValue }
    try #require(digits.count == hexadecimal.utf8.count && digits.count % 2 == 0)
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
  }

  private static func dequantised(_ format: ElementFormat, _ bytes: [UInt8]) -> [Float] {
    var out = [Float](repeating: .nan, count: 256)
    bytes.withUnsafeBytes { bytes in
      out.withUnsafeMutableBufferPointer { format.dequantise(bytes, into: $0) }
    }
    return out
  }

  /// 16 rows of one block each, all different where there are blocks enough.
  private static func unpacked(_ format: ElementFormat, _ blocks: [[UInt8]]) throws -> [[Float]] {
    let matrix = try #require(PackedMatrix(rows: blocks.count, columns: 256, format: format))
    blocks.flatMap { $0 }.withUnsafeBytes { matrix.pack($0, firstTile: 0) }
    return blocks.indices.map { row in
      var out = [Float](repeating: .nan, count: 256)
      matrix.unpackRow(row, into: &out)
      return out
    }
  }

  @Test(arguments: [("Q4_K", ElementFormat.q4_K), ("Q6_K", .q6_K)])
  func `blocks stand for the numbers of the reference`(
    name: String, format: ElementFormat
  ) throws {
    let blocks = try Self.blocks(name)
    #expect(blocks.count == 6)
    for block in blocks {
      #expect(Self.dequantised(format, block.bytes) == block.numbers)
    }
  }

  @Test func `packed Q6_K is exact`() throws {
    let blocks = try Self.blocks("Q6_K")
    #expect(try Self.unpacked(.q6_K, blocks.map(\.bytes)) == blocks.map(\.numbers))
  }

  /// The bound that `ck_packing` states: two roundings to half, of d · s and of m · t.
  @Test func `packed Q4_K errs by two roundings at most`() throws {
    let blocks = try Self.blocks("Q4_K")
    let packed = try Self.unpacked(.q4_K, blocks.map(\.bytes))
    var (largest, total) = (Float(0), 0)
    for (block, row) in zip(blocks, packed) {
      for start in stride(from: 0, to: 256, by: 32) {
        let (scale, minimum) = Self.scales(block.bytes, start / 32)
        let bound = (15 * abs(scale) + abs(minimum)) * 0x1p-11
        for column in start..<start + 32 {
          let error = abs(row[column] - block.numbers[column])
          // The sum itself is rounded once in each: 2⁻²³ of the larger part is far below.
          #expect(error <= bound * 1.001, "column \(column)")
          largest = max(largest, bound > 0 ? error / bound : 0)
          total += 1
        }
      }
    }
    #expect(total == 6 * 256)
    // The bound is no idle one: some element comes near.
    #expect(largest > 0.3)
  }

  /// d · s and m · t of a block of 32, from the definition of the format.
  private static func scales(_ bytes: [UInt8], _ block: Int) -> (Float, Float) {
    func half(_ at: Int) -> Float {
      var out: [Float] = [0]
      [UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8].withUnsafeBufferPointer {
        Kernels.scalar.fromHalf($0, into: &out)
      }
      return out[0]
    }
    // 6-bit numbers, eight scales and then eight minima: four low parts of each in bytes 0 to 7,
    // the others' low nibbles in bytes 8 to 11, their high pairs on top of bytes 0 to 7.
    let packed = bytes[4..<16].map(Int.init)
    let isEarly = block < 4
    let s =
      isEarly ? packed[block] & 63 : packed[block + 4] & 15 | (packed[block - 4] >> 6) << 4
    let t =
      isEarly ? packed[block + 4] & 63 : packed[block + 4] >> 4 | (packed[block] >> 6) << 4
    return (half(0) * Float(s), half(2) * Float(t))
  }
}
