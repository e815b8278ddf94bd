import Foundation
import Testing

@testable import Transformer

/// The file of a gate, and every lie in it.
struct GateFileTests {
  /// Small, so that every byte can be tried.
  private static func gate() throws -> Gate {
    let shape = Gate.Shape(layers: 2, keyValueHeads: 1, group: 2, headWidth: 4)
    return try Gate(
      shape, blockSize: 32, modelDigest: GateSelectionTests.digest,
      weights: (0..<shape.weightCount).map { Float($0) / 8 - 2 })
  }

  /// Changes bytes and makes the checksum right again.
  private static func changed(_ change: (inout [UInt8]) -> Void) throws -> [UInt8] {
    var bytes = try Array(GateFile.bytes(of: gate()).dropLast(8))
    change(&bytes)
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return bytes + (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * UInt64($0))) }
  }

  private static func code(of bytes: [UInt8]) -> TransformerError.Code? {
    do {
      _ = try GateFile.gate(from: bytes)
      return nil
    } catch { return error.code }
  }

  @Test func `what is written is read`() throws {
    let gate = try Self.gate()
    let read = try GateFile.gate(from: GateFile.bytes(of: gate))
    #expect(read.shape == gate.shape)
    #expect(read.blockSize == 32)
    #expect(read.modelDigest == gate.modelDigest)
    // Eighths below 16 are halves exactly.
    #expect(read.weights == gate.weights)
  }

  @Test func `a file cut short anywhere is refused, as is one that goes on`() throws {
    let bytes = try GateFile.bytes(of: Self.gate())
    for count in 0..<bytes.count {
      #expect(Self.code(of: Array(bytes[..<count])) == .malformedFile, "\(count) bytes")
    }
    #expect(Self.code(of: bytes + [0]) == .malformedFile)
  }

  @Test func `a file with any bit turned is refused`() throws {
    let bytes = try GateFile.bytes(of: Self.gate())
    for place in bytes.indices {
      var damaged = bytes
      damaged[place] ^= 1 << UInt8(place % 8)
      #expect(Self.code(of: damaged) != nil, "byte \(place)")
    }
  }

  /// Places of the header: version, layers, heads, group, width, block, gate width.
  @Test(arguments: [
    (8, 2), (12, 0), (12, 200), (16, 9), (20, 0), (24, 8), (28, 17), (28, 0), (32, 11),
  ])
  func `a header that contradicts itself is refused`(place: Int, value: Int) throws {
    let bytes = try Self.changed { $0[place] = UInt8(value) }
    #expect(Self.code(of: bytes) == (place == 8 ? .unsupportedFile : .malformedFile))
  }

  @Test func `shapes beyond all models are refused before anything is multiplied`() throws {
    let bytes = try Self.changed { bytes in for place in 12..<28 { bytes[place] = 0xff } }
    #expect(Self.code(of: bytes) == .malformedFile)
  }

  /// The halves 0x7e00 and 0x7c00.
  @Test(arguments: [UInt8(0x7e), 0x7c])
  func `a weight that is no number is refused`(high: UInt8) throws {
    let bytes = try Self.changed { $0.replaceSubrange(68...69, with: [0, high]) }
    #expect(Self.code(of: bytes) == .malformedFile)
    let shape = Gate.Shape(layers: 1, keyValueHeads: 1, group: 1, headWidth: 1)
    #expect(throws: TransformerError.self) {
      try Gate(
        shape, blockSize: 16, modelDigest: GateSelectionTests.digest, weights: [0, .nan, 0])
    }
    // Finite as a float, and not as a half.
    let great = try Gate(
      shape, blockSize: 16, modelDigest: GateSelectionTests.digest, weights: [0, 1e6, 0])
    #expect(throws: TransformerError.self) { try GateFile.bytes(of: great) }
  }

  @Test func `a gate of other weights is refused`() throws {
    let gate = try Self.gate()
    try gate.check(digest: gate.modelDigest)
    let error = #expect(throws: TransformerError.self) {
      try gate.check(digest: String(repeating: "0b", count: 32))
    }
    #expect(error?.code == .invalidRequest)
  }

  @Test func `a file that is not there or no gate is refused with its name`() throws {
    let missing = #expect(throws: TransformerError.self) {
      try GateFile.read(path: "/nowhere/a.gate")
    }
    #expect(missing?.code == .unreadableFile)
    let model = try TestModel.path()
    let error = #expect(throws: TransformerError.self) { try GateFile.read(path: model) }
    #expect(error?.code == .malformedFile)
    #expect(error?.message.contains(model) == true)
  }
}
