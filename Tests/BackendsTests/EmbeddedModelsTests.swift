import Crypto
import Experimentation
import Foundation
import OpenAIAPI
import Testing
import Transformer

@testable import Backends

@Suite(.serialized) struct EmbeddedModelsTests {
  private func refusal(_ body: () throws -> EmbeddedBackend) throws -> BackendError {
    try #require(throws: BackendError.self) { try body() }
  }

  @Test func `two variants of one file share its weights`() throws {
    let dense = try EmbeddedModel.backend("dense", attention: .dense)
    let window = try EmbeddedModel.backend(
      "window", attention: .slidingWindow(window: 64, sinks: 4))
    #expect(dense.file.weights === window.file.weights)
    #expect(dense.model.text == "dense" && window.model.text == "window")
  }

  @Test func `another file than the policy names is refused with both digests`() throws {
    let expected = String(repeating: "ab", count: 32)
    let error = try refusal { try EmbeddedModel.backend("strict", sha256: expected) }
    let bytes = try Data(contentsOf: URL(filePath: EmbeddedModel.path()), options: .alwaysMapped)
    let actual = SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
    #expect(error.failure == .unavailable)
    #expect(error.apiError.message.contains(expected))
    #expect(error.apiError.message.contains(actual))
    #expect(error.apiError.message.contains("strict"))
    #expect(try EmbeddedModel.backend("right", sha256: actual).file.digest == actual)
  }

  @Test func `a missing file is told with where and what to do`() throws {
    let models = try EmbeddedModel.models()
    let error = try refusal {
      try models.backend(
        for: modelName("lost"), EngineSpecification(weights: "gone.gguf", attention: .flash))
    }
    #expect(error.failure == .unavailable)
    for part in ["lost", "/nowhere/gone.gguf", "make model"] {
      #expect(error.apiError.message.contains(part), "\(error.apiError.message)")
    }
  }

  @Test(arguments: ["", "GGUF", "not a model at all, but some text of more than a few bytes"])
  func `a file that is no model is refused, not run`(content: String) throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).gguf")
    try Data(content.utf8).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    let error = try refusal {
      try EmbeddedModel.models().backend(
        for: modelName("junk"), EngineSpecification(weights: url.path, attention: .flash))
    }
    #expect(error.failure == .unavailable)
    #expect(error.apiError.message.contains("junk"))
    #expect(!error.apiError.message.contains("make model"), "that would not mend it")
  }

  @Test(arguments: [
    AttentionSpecification.slidingWindow(window: 0, sinks: 4),
    .slidingWindow(window: 64, sinks: -1),
    .blockSparse(selection: .quest, blockSize: 24, keys: 512, denseLayers: 0),
    .hybrid(
      selection: .means, blockSize: 16, keys: 16, window: 128, sinks: 4, denseLayers: 2),
  ])
  func `an attention without meaning is refused`(attention: AttentionSpecification) throws {
    let error = try refusal { try EmbeddedModel.backend("odd", attention: attention) }
    #expect(error.failure == .unavailable)
    #expect(error.apiError.message.contains("odd"))
  }

  private func variant(
    _ attention: AttentionSpecification, _ rope: RopeSpecification?, context: Int?
  ) throws -> EmbeddedBackend {
    try EmbeddedModel.models().backend(
      for: modelName("long"),
      EngineSpecification(
        weights: try EmbeddedModel.path(), attention: attention, rope: rope, context: context))
  }

  @Test(arguments: [
    (
      AttentionSpecification.hybrid(
        selection: .quest, blockSize: 32, keys: 512, window: 64, sinks: 4, denseLayers: 1),
      RopeSpecification?.none, 8_192
    ),
    (
      .blockSparse(selection: .moba, blockSize: 64, keys: 512, denseLayers: 0),
      RopeSpecification(.dynamicNTK, factor: 2), 16_384
    ),
    (.flash, RopeSpecification(.yarn, factor: 4), 32_768),
    (.slidingWindow(window: 1_020, sinks: 4), nil, 1_048_576),
  ])
  func `what a policy can spell can be run`(
    attention: AttentionSpecification, rope: RopeSpecification?, context: Int
  ) throws {
    #expect(try variant(attention, rope, context: context).file.weights.parameters.blockCount == 30)
  }

  @Test func `a context that nothing stretches to is refused with the remedy`() throws {
    let error = try refusal { try variant(.flash, nil, context: 16_384) }
    #expect(error.failure == .unavailable)
    for part in ["long", "16384", "8192", "rope"] {
      #expect(error.apiError.message.contains(part), "\(error.apiError.message)")
    }
    #expect(throws: BackendError.self) {
      try variant(.flash, RopeSpecification(.yarn, factor: 2), context: 32_768)
    }
  }
}
