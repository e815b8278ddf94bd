import Foundation
import Tensors
import Testing

@testable import Transformer

/// Rotations that are stretched: their tables, what files say of them, and texts beyond the trained
/// context.
struct EngineRotaryTests {
  struct Reference: Decodable {
    let kind: String
    let base: Double
    let width: Int
    let trained: Int
    let factor: Double
    let magnitude: Double
    let frequencies: [Double]

    var scaling: RotaryScaling? {
      switch kind {
      case "linear": .linear(factor: factor)
      case "ntk": .ntk(factor: factor)
      case "yarn": .yarn(factor: factor)
      case "yarnPairs": .yarn(factor: factor, ramp: .pairs)
      default: nil
      }
    }
  }

  private static let model = EngineTinyModel()

  private static func parameters(
    _ changes: EngineTinyModel.Changes = .init()
  ) throws -> HyperParameters {
    try HyperParameters(openGGUF(model.bytes(changes)))
  }

  /// Both sides compute in double precision; 1e-12 leaves room for powers and logarithms.
  @Test func `stretched frequencies equal the reference`() throws {
    let cases = try JSONDecoder().decode(
      [Reference].self, from: TestModel.fixture("rotary/frequencies.json"))
    #expect(cases.count == 48)
    for test in cases {
      let parameters = try Self.parameters(
        .init(
          integers: [
            "attention.key_length": UInt32(test.width), "context_length": UInt32(test.trained),
            "attention.value_length": UInt32(test.width),
            "rope.dimension_count": UInt32(test.width),
          ], numbers: ["rope.freq_base": Float(test.base)]))
      let tables = try RotaryTables(parameters, scaling: #require(test.scaling))
      let table = try #require(tables.stages.first)
      #expect(tables.stages.count == 1)
      #expect(abs(table.magnitude - test.magnitude) < 1e-12)
      #expect(table.frequencies.count == test.frequencies.count)
      for (mine, theirs) in zip(table.frequencies, test.frequencies) {
        #expect(abs(mine - theirs) <= 1e-12 * theirs, "\(test.kind) × \(test.factor)")
      }
      #expect(tables.contextLength == Int(Double(test.trained) * test.factor))
    }
  }

  @Test func `a dynamic rotation grows by quarters of the trained context, up to its factor`()
    throws
  {
    let parameters = try Self.parameters()
    let tables = try RotaryTables(parameters, scaling: .dynamicNTK(factor: 2.1))
    #expect(tables.stages.first == RotaryTable(parameters))
    for (position, factor) in [
      (0, 1.0), (511, 1), (512, 1.25), (639, 1.25), (640, 1.5), (1_023, 2), (1_024, 2.1),
    ] {
      let expected = try RotaryTables(parameters, scaling: .ntk(factor: factor)).stages.first
      #expect(tables.stages[tables.stage(of: position)] == expected, "position \(position)")
    }
    #expect(tables.contextLength == 1_075)
    // Runs end where stages do, and every position is in one.
    #expect(tables.run(from: 0, upTo: 256) == 256)
    #expect(tables.run(from: 500, upTo: 256) == 12)
    #expect(tables.run(from: 512, upTo: 256) == 128)
    #expect(tables.run(from: 1_070, upTo: 256) == 256)
  }

  @Test(arguments: [0.5, 0, -1, 65, Double.nan, .infinity])
  func `a factor without meaning is refused`(factor: Double) throws {
    let parameters = try Self.parameters()
    for scaling in [RotaryScaling.linear(factor: factor), .yarn(factor: factor)] {
      #expect(throws: TransformerError.self) { try RotaryTables(parameters, scaling: scaling) }
    }
  }

  // MARK: What files say

  private static func scaled(
    _ kind: String?, _ factor: Float?, original: UInt32? = nil, key: String = "rope.scaling.factor"
  ) -> EngineTinyModel.Changes {
    .init(
      integers: original.map { ["rope.scaling.original_context_length": $0] } ?? [:],
      numbers: factor.map { [key: $0] } ?? [:],
      strings: kind.map { ["rope.scaling.type": $0] } ?? [:])
  }

  @Test func `a file's own scaling is honoured`() throws {
    let plain = try Self.parameters()
    let linear = try Self.parameters(Self.scaled("linear", 4))
    #expect(linear.rotaryScaling == .linear(factor: 4))
    let slow = try #require(RotaryTables(linear).stages.first)
    for (mine, trained) in zip(slow.frequencies, RotaryTable(plain).frequencies) {
      #expect(mine == trained / 4)
    }
    #expect(try RotaryTables(linear).contextLength == 512)
    let old = try Self.parameters(Self.scaled(nil, 4, key: "rope.scale_linear"))
    #expect(old.rotaryScaling == .linear(factor: 4))

    // As llama.cpp computes it: from the context before, by pairs.
    let yarn = try Self.parameters(Self.scaled("yarn", 4, original: 128))
    let before = try Self.parameters(.init(integers: ["context_length": 128]))
    #expect(
      try RotaryTables(yarn).stages
        == RotaryTables(before, scaling: .yarn(factor: 4, ramp: .pairs)).stages)
    #expect(try RotaryTables(yarn).contextLength == 512)
  }

  @Test func `a scaling upon a file's own is refused`() throws {
    let parameters = try Self.parameters(Self.scaled("linear", 4))
    #expect(throws: TransformerError.self) {
      try RotaryTables(parameters, scaling: .yarn(factor: 2))
    }
  }

  @Test(arguments: [
    scaled("linear", 0.5), scaled("yarn", 1_000), scaled("longrope", 2),
    .init(
      numbers: ["rope.scaling.factor": 2, "rope.scaling.yarn_beta_fast": 16],
      strings: ["rope.scaling.type": "yarn"]),
  ])
  func `a scaling that is not computed is unsupported`(changes: EngineTinyModel.Changes) throws {
    #expect {
      try Self.parameters(changes)
    } throws: {
      ($0 as? TransformerError)?.code == .unsupportedFile
    }
  }

  // MARK: Contexts

  @Test func `a context beyond the rotation's needs a scaling or a window`() throws {
    let weights = try Self.model.weights()
    func variant(_ attention: AttentionKind, _ scaling: RotaryScaling = .none) throws -> Int {
      try ModelVariant(
        name: "long", weights: weights, attention: attention,
        rotary: RotaryTables(weights.parameters, scaling: scaling), contextLength: 1_024
      ).contextLength
    }
    #expect(throws: TransformerError.self) { try variant(.flash) }
    #expect(throws: TransformerError.self) { try variant(.flash, .yarn(factor: 1.5)) }
    #expect(try variant(.flash, .yarn(factor: 2)) == 1_024)
    #expect(try variant(.slidingWindow(window: 500, sinks: 4)) == 1_024)
    #expect(throws: TransformerError.self) {
      try variant(.slidingWindow(window: 509, sinks: 4))
    }
    let usual = try ModelVariant(
      name: "usual", weights: weights,
      rotary: RotaryTables(weights.parameters, scaling: .ntk(factor: 3)))
    #expect(usual.contextLength == 1_536)
  }
}
