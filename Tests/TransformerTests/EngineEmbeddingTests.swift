import Foundation
import Testing

@testable import Transformer

/// What a model makes of a text as a vector.
struct EngineEmbeddingTests {
  private struct Reference: Decodable {
    var text: String
    var tokens: [Token]
    /// In float64, by other people's readers and NumPy.
    var exact: [Double]
    /// By llama.cpp's server with mean pooling.
    var llama: [Double]
  }

  private static func references() throws -> [Reference] {
    try JSONDecoder().decode(
      [Reference].self, from: TestModel.fixture("embeddings/smollm2.json"))
  }

  private static func cosine(_ one: [Float], _ other: [Double]) -> Double {
    let product = zip(one, other).reduce(0) { $0 + Double($1.0) * $1.1 }
    let length = other.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return product / length
  }

  private static func tiny(threads: Int = 1) throws -> (engine: Engine, variant: ModelVariant) {
    var configuration = Engine.Configuration()
    configuration.threads = threads
    let variant = try ModelVariant(
      name: "tiny", weights: EngineTinyModel().weights(), attention: .dense)
    return (try Engine(configuration), variant)
  }

  @Test func `vectors are those of a float64 computation, and near llama cpp's`() async throws {
    let weights = try Weights(TestModel.file())
    let variant = try ModelVariant(name: "dense", weights: weights, attention: .dense)
    let engine = try Engine()
    for reference in try Self.references() {
      #expect(
        try TestModel.tokenizer().encode(reference.text, special: false) == reference.tokens)
      let vector = try await engine.embed(reference.tokens, on: variant)
      #expect(vector.count == 576 && reference.exact.count == 576)
      let farthest = zip(vector, reference.exact).map { abs(Double($0) - $1) }.max() ?? 1
      // Keys and values are kept in halves, whose last place is 5e-4 of each.
      #expect(farthest < 1e-3, "\(reference.text)")
      #expect(Self.cosine(vector, reference.exact) > 0.99999)
      // llama.cpp rounds activations to 8 bits, which is 8e-3 away from the exact ones.
      #expect(Self.cosine(vector, reference.llama) > 0.9995)
      let length = vector.reduce(0) { $0 + Double($1) * Double($1) }
      #expect(abs(length - 1) < 1e-5, "of length 1, but for the rounding of 576 numbers")
    }
  }

  @Test func `a text of several chunks is read to its end, alike with any number of threads`()
    async throws
  {
    let text = (0..<300).map { Token($0 * 31 % 70) }
    let (engine, variant) = try Self.tiny()
    let whole = try await engine.embed(text, on: variant)
    let (pair, same) = try Self.tiny(threads: 2)
    #expect(try await pair.embed(text, on: same) == whole)
    // Chunks have 256 tokens: what lies behind the first counts.
    #expect(try await engine.embed(Array(text[..<256]), on: variant) != whole)
    #expect(engine.load.cacheBytes == 0, "what was read is given back")
  }

  @Test func `the order of words counts`() async throws {
    let (engine, variant) = try Self.tiny()
    let forward = try await engine.embed([1, 2, 3, 4], on: variant, priority: .shadow)
    #expect(try await engine.embed([4, 3, 2, 1], on: variant, priority: .shadow) != forward)
  }

  @Test func `nothing, strangers and what is beyond the context are refused`() async throws {
    let (engine, variant) = try Self.tiny()
    let size = variant.weights.parameters.vocabularySize
    let long = Array(repeating: Token(1), count: variant.contextLength + 1)
    for (text, code) in [
      ([], TransformerError.Code.invalidRequest), ([Token(size)], .invalidRequest),
      (long, .promptTooLong),
    ] {
      let error = await #expect(throws: TransformerError.self) {
        try await engine.embed(text, on: variant)
      }
      #expect(error?.code == code)
    }
  }
}
