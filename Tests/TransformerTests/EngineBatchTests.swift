import Tensors
import Testing

@testable import Transformer

/// Several sequences in one pass: each must get what it gets alone, to the last bit.
struct EngineBatchTests {
  private static let text: [Token] = (0..<300).map { (place: Int) -> Token in
    Token((place * 31 + place * place * 7) % 70)
  }

  /// Variants of shared weights that differ by attention and by rotary table.
  private static func variants(_ weights: Weights) throws -> [ModelVariant] {
    let stretched = RotaryTables(
      RotaryTable(
        frequencies: RotaryTable(weights.parameters).frequencies.map { $0 / 2 }, magnitude: 1.1),
      contextLength: weights.parameters.contextLength)
    return try [
      ModelVariant(name: "flash", weights: weights),
      ModelVariant(name: "dense", weights: weights, attention: .dense),
      ModelVariant(
        name: "window", weights: weights, attention: .slidingWindow(window: 70, sinks: 3)),
      ModelVariant(name: "stretched", weights: weights, rotary: stretched),
      ModelVariant(
        name: "hybrid", weights: weights,
        attention: .hybrid(Hybrid(keys: 160, window: 32, denseLayers: 0))),
    ]
  }

  @Test(arguments: NumericMode.allCases, Kernels.Level.allCases)
  func `a shared step gives each sequence the bits that it gets alone`(
    mode: NumericMode, level: Kernels.Level
  ) throws {
    guard let kernels = Kernels(level) else {
      try Test.cancel("this machine cannot run \(level.rawValue)")
    }
    var changes = EngineTinyModel.Changes()
    // Quantised matrices, so that the 8-bit products take part.
    changes.stored["blk.0.attn_q.weight"] = .eights(rows: 192, columns: 96)
    changes.stored["blk.1.ffn_gate.weight"] = .eights(rows: 160, columns: 96)
    let weights = try EngineTinyModel().weights(changes)
    // Lengths on both sides of a page's end, and one text after others of several pages.
    let lengths = [1, 63, 64, 65, 130, 200, 2, 129]
    let runners = try lengths.indices.map { index in
      let variants = try Self.variants(weights)
      return EngineRunner(variants[index % variants.count], mode: mode, kernels: kernels)
    }
    var caches = runners.map { $0.emptyCache() }
    for (index, length) in lengths.enumerated() {
      _ = try runners[index].logits(Self.text[..<length], &caches[index], from: .max)
    }
    let next = lengths.indices.map { Token($0 * 9 + 1) }
    var alone: [[Float]] = []
    for index in lengths.indices {
      var fork = caches[index]
      alone += try runners[index].logits([next[index]], &fork, isPrefill: false)
    }
    var rows: [SequenceRows] = []
    for index in lengths.indices {
      try caches[index].reserve(upTo: lengths[index] + 1)
      rows.append(
        SequenceRows([next[index]], of: runners[index].variant, after: caches[index]))
    }
    let pass = try runners[0].executor.pass(weights, isPrefill: false)
    try pass.run(rows)
    pass.computeLogits(rows: 0..<rows.count)
    for index in lengths.indices {
      #expect(
        Array(pass.workspace.logits(row: index)) == alone[index],
        "\(runners[index].variant.name) at \(lengths[index])")
    }
  }

  @Test func `answers in company are what they are alone`() async throws {
    let weights = try EngineTinyModel().weights()
    var requests: [(GenerationRequest, ModelVariant)] = []
    for (index, variant) in try (Self.variants(weights) + Self.variants(weights)).enumerated() {
      let sampling = try SamplingOptions(
        temperature: index % 2 == 0 ? 0 : 1.2, seed: UInt64(index))
      requests.append(
        (
          GenerationRequest(
            prompt: Array(Self.text[..<(20 + 30 * index)]), maximumTokens: 40 + index,
            sampling: sampling), variant
        ))
    }
    try await Self.expectTheSameInCompany(requests)
  }

  /// The same for every answer, computed first one by one and then all together.
  static func expectTheSameInCompany(
    _ requests: [(GenerationRequest, ModelVariant)]
  ) async throws {
    var configuration = Engine.Configuration()
    configuration.threads = 2
    let engine = try Engine(configuration)
    var alone: [[Token]] = []
    for (request, variant) in requests {
      alone.append(try await collect(engine.generate(request, on: variant)).tokens)
    }
    let streams = try requests.map { try engine.generate($0.0, on: $0.1) }
    for (index, stream) in streams.enumerated() {
      let answer = try await collect(stream)
      #expect(answer.tokens == alone[index], "\(requests[index].1.name)")
      let timings = try #require(answer.result).timings
      #expect(timings.decodeSeconds > 0 && timings.interleavedSeconds >= 0)
    }
  }

  @Test func `an answer whose cache is full leaves the others of its step alone`() async throws {
    let weights = try EngineTinyModel().weights()
    let page = KeyValuePage.Shape(weights.parameters).byteCount
    var configuration = Engine.Configuration()
    configuration.threads = 1
    configuration.cacheBytes = 3 * page
    let engine = try Engine(configuration)
    let variant = try ModelVariant(name: "flash", weights: weights)
    // Two sequences of a page each; one may grow by a page, the other then finds no room.
    let streams = try (0..<2).map { index in
      try engine.generate(
        GenerationRequest(
          prompt: Array(Self.text[index..<index + 50]), maximumTokens: 60 - 20 * index),
        on: variant)
    }
    var codes: [TransformerError.Code?] = []
    var lengths: [Int] = []
    for stream in streams {
      codes.append(await errorCode { lengths.append(try await collect(stream).tokens.count) })
    }
    #expect(codes.filter { $0 == .cacheFull }.count == 1)
    #expect(lengths == [60] || lengths == [40])
  }

  @Test func `a shared step is charged by the yardstick of a lone one`() throws {
    let weights = try EngineTinyModel().weights()
    let yardstick = Yardstick()
    #expect(yardstick.charge(8, rows: 4, of: weights, threads: 1) == 8, "nothing measured yet")
    #expect(yardstick.charge(2, rows: 1, of: weights, threads: 1) == 2)
    #expect(yardstick.charge(8, rows: 4, of: weights, threads: 1) == 2)
    #expect(yardstick.charge(1.5, rows: 4, of: weights, threads: 1) == 1.5, "more than it took")
    #expect(yardstick.charge(8, rows: 4, of: weights, threads: 2) == 8, "another crew")
    #expect(yardstick.charge(6, rows: 1, of: weights, threads: 1) == 6)
    #expect(yardstick.charge(8, rows: 2, of: weights, threads: 1) == 3)
  }
}

extension EngineTinyModel.Stored {
  /// A matrix in Q8_0 with codes that vary and a scale of 2⁻⁹.
  fileprivate static func eights(rows: Int, columns: Int) -> Self {
    var bytes: [UInt8] = []
    for block in 0..<rows * columns / 32 {
      bytes += [0x00, 0x18]
      for place in 0..<32 { bytes.append(UInt8(truncatingIfNeeded: block * 7 + place * place * 5)) }
    }
    return Self(type: 8, bytes: bytes)
  }
}
