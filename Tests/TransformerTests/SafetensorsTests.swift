import Foundation
import Testing

@testable import Transformer

/// The header of safetensors, and checkpoints made of such files.
struct `A checkpoint` {
  private static let text: [Token] = (0..<40).map { Token(($0 * 31 + 5) % 70) }

  /// Writes the files of a checkpoint and opens it.
  private static func open(
    _ config: Data, _ files: [String: [UInt8]], path: String = "."
  ) throws -> Checkpoint {
    try withTemporaryDirectory { directory in
      try config.write(to: directory.appending(path: "config.json"))
      for (name, bytes) in files { try Data(bytes).write(to: directory.appending(path: name)) }
      return try Checkpoint.open(path: "\(directory.path)/\(path)")
    }
  }

  private static func logits(_ weights: Weights) throws -> [[Float]] {
    try EngineRunner(weights, .flash).logits(text)
  }

  private static func error(_ body: () throws -> Void) -> TransformerError? {
    do {
      try body()
      return nil
    } catch { return error as? TransformerError }
  }

  // MARK: Sound ones

  @Test func `is told from a GGUF file by its path`() throws {
    let model = EngineTinyModel(seed: 2, architecture: "qwen2")
    try withTemporaryDirectory { directory in
      func path(_ name: String) -> URL { directory.appending(path: name) }
      try model.configuration().write(to: path("config.json"))
      try Data(SafetensorsFile(model.checkpointTensors).bytes).write(
        to: path("model.safetensors"))
      try Data(model.bytes()).write(to: path("model.gguf"))
      let sources = try [".", "model.safetensors", "model.gguf"].map {
        try WeightSource.open(path: path($0).path)
      }
      #expect(
        sources.map { $0.files.map { $0.path.split(separator: "/").last } } == [
          ["config.json", "model.safetensors"], ["config.json", "model.safetensors"],
          ["model.gguf"],
        ])
      let results = try sources.map { try Self.logits($0.weights(threads: 2)) }
      #expect(results[0] == results[2] && results[1] == results[2])
      // Whoever loads them checks what was hashed before.
      try Data("{}".utf8).write(to: path("config.json"))
      for source in sources.prefix(2) {
        #expect(Self.error { _ = try source.weights(threads: 2) }?.code == .unreadableFile)
      }
    }
  }

  @Test(arguments: ["model.safetensors", "."])
  func `computes what the same weights in GGUF do`(path: String) throws {
    let model = EngineTinyModel(seed: 2, architecture: "qwen2", hasBiases: true)
    let file = SafetensorsFile(model.checkpointTensors)
    let checkpoint = try Self.open(
      model.configuration(), ["model.safetensors": file.bytes], path: path)
    let weights = try Weights(checkpoint, threads: 2)
    #expect(weights.parameters == (try model.weights().parameters))
    #expect(try Self.logits(weights) == Self.logits(model.weights()))
  }

  /// Llama's checkpoints rotate halves, as qwen2 does; only its GGUF files do not.
  @Test func `of Llama rotates halves`() throws {
    let model = EngineTinyModel(seed: 2, architecture: "qwen2")
    let file = SafetensorsFile(model.checkpointTensors)
    let checkpoint = try Self.open(
      model.configuration(["model_type": "llama"]), ["model.safetensors": file.bytes])
    #expect(try Self.logits(Weights(checkpoint, threads: 2)) == Self.logits(model.weights()))
  }

  @Test func `may be spread over files that an index names`() throws {
    let model = EngineTinyModel(seed: 2, architecture: "qwen2")
    let tensors = model.checkpointTensors
    let (first, second) = (tensors[..<7], tensors[7...])
    var map: [String: String] = [:]
    for (name, _, _) in first { map[name] = "a.safetensors" }
    for (name, _, _) in second { map[name] = "b.safetensors" }
    func open(_ map: [String: String]) throws -> Checkpoint {
      let index = try JSONSerialization.data(withJSONObject: ["weight_map": map])
      return try Self.open(
        model.configuration(),
        [
          "a.safetensors": SafetensorsFile(Array(first)).bytes,
          "b.safetensors": SafetensorsFile(Array(second)).bytes,
          "model.safetensors.index.json": Array(index),
        ])
    }
    #expect(try Self.logits(Weights(open(map), threads: 2)) == Self.logits(model.weights()))
    for (name, file, says) in [
      ("x.weight", "a.safetensors", "names tensor 'x.weight', no file has it"),
      (first[0].name, "b.safetensors", "which the index does not say"),
      (first[0].name, "../a.safetensors", "does not name a file beside it"),
      (first[0].name, "/etc/a.safetensors", "does not name a file beside it"),
      ("x.weight", "c.safetensors", "cannot be opened"),
    ] {
      var lying = map
      lying[name] = file
      let error = Self.error { _ = try open(lying) }
      #expect(error?.message.contains(says) == true, "\(says): \(error?.message ?? "no error")")
    }
  }

  @Test func `with tied embeddings needs no head, and without them does`() throws {
    let model = EngineTinyModel(seed: 2, architecture: "qwen2")
    let file = SafetensorsFile(model.checkpointTensors.filter { $0.name != "lm_head.weight" })
    func open(_ isTied: Bool) throws -> Checkpoint {
      try Self.open(
        model.configuration(["tie_word_embeddings": isTied]), ["model.safetensors": file.bytes])
    }
    let weights = try Weights(open(true), threads: 2)
    #expect(weights.head === weights.embedding)
    #expect(Self.error { _ = try open(false) }?.message.contains("lm_head.weight") == true)
  }

  /// The divisors of Llama 3.2: 1 for short waves, 32 for long ones, rising between.
  @Test func `with Llama 3's scaling divides frequencies as it was published`() throws {
    let model = EngineTinyModel(seed: 2, architecture: "qwen2")
    let file = SafetensorsFile(model.checkpointTensors)
    let scaling: [String: Any] = [
      "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
      "original_max_position_embeddings": 8_192,
    ]
    let checkpoint = try Self.open(
      model.configuration(["rope_scaling": scaling, "rope_theta": 500_000.0]),
      ["model.safetensors": file.bytes])
    let divisors = checkpoint.parameters.rotaryDivisors
    // Waves of 2π · 500000^(2c/32): of c = 8 is 4,443, which is between 8192/4 and 8192.
    #expect(divisors.prefix(8).allSatisfy { $0 == 1 } && divisors.suffix(7).allSatisfy { $0 == 32 })
    let wave = 2 * Double.pi * 500_000.0.squareRoot()
    let share = (8_192 / wave - 1) / 3
    #expect(abs(divisors[8] - 1 / ((1 - share) / 32 + share)) < 1e-12)
  }

  // MARK: Lies

  @Test(arguments: [
    ("model_type", "gemma" as any Sendable, "'llama' and 'qwen2'"), ("model_type", 3, "model_type"),
    ("hidden_act", "gelu", "silu"), ("use_sliding_window", true, "use_sliding_window"),
    ("quantization_config", ["bits": 4], "quantised"), ("rope_scaling", ["type": "yarn"], "yarn"),
    ("rope_scaling", ["rope_type": "llama3"], "incomplete"), ("hidden_size", "96", "hidden_size"),
    ("hidden_size", 1e30, "hidden_size"), ("num_hidden_layers", 1_000_000, "block_count"),
    ("num_attention_heads", 0, "head_count"), ("rms_norm_eps", "x", "rms_norm_eps"),
    ("rms_norm_eps", NSNull(), "rms_epsilon"), ("hidden_size", 64, "has the shape"),
  ])
  func `whose configuration asks for too much is refused`(
    key: String, value: any Sendable, says: String
  ) throws {
    let model = EngineTinyModel(seed: 2, architecture: "qwen2")
    let file = SafetensorsFile(model.checkpointTensors)
    let error = Self.error {
      _ = try Weights(
        Self.open(model.configuration([key: value]), ["model.safetensors": file.bytes]),
        threads: 1)
    }
    #expect(error?.message.contains(says) == true, "\(error?.message ?? "no error")")
  }

  @Test(arguments: [
    ("{}", 0, "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", nil as String?),
    ("no object", 8, "[]", "no JSON object"), ("no JSON", 8, "{\"a\"", "has no ':'"),
    ("a name twice", 8, "{\"a\":\(ok),\"a\":\(ok)}", "the key 'a' twice"),
    ("two in one place", 8, "{\"a\":\(ok),\"b\":\(ok)}", "begins at byte"),
    (
      "a gap", 12, "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
      "begins at byte"
    ),
    ("bytes of nobody", 12, "{\"a\":\(ok)}", "the tensors end at byte"),
    ("a size beyond the file", 4, "{\"a\":\(ok)}", "takes bytes 0 to 8 of 4"),
    ("a shape that needs more", 8, entry("F32", "[3]", "[0,8]"), "its shape needs 12"),
    ("a shape that wraps", 8, entry("F32", "[4294967296,4294967296]", "[0,8]"), "no tensor has"),
    ("a negative dimension", 8, entry("F32", "[-2]", "[0,8]"), "no tensor has"),
    ("a dimension of 0", 0, entry("F32", "[0]", "[0,0]"), "no tensor has"),
    ("no dimension", 4, entry("F32", "[]", "[0,4]"), "no tensor has"),
    ("a dimension of 1.5", 8, entry("F32", "[1.5]", "[0,8]"), "no tensor has"),
    ("a negative offset", 8, entry("F32", "[2]", "[-8,0]"), "takes bytes -8"),
    ("offsets that go back", 8, entry("F32", "[2]", "[8,0]"), "takes bytes 8 to 0"),
    ("an offset of 2⁶³", 8, entry("F32", "[2]", "[0,9223372036854775808]"), "two data_offsets"),
    ("three offsets", 8, entry("F32", "[2]", "[0,4,8]"), "two data_offsets"),
    ("another type", 8, entry("I64", "[1]", "[0,8]"), "F32, F16 and BF16"),
    ("no type", 8, "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", "lacks a dtype"),
    ("a name of no bytes", 8, "{\"\":\(ok)}", "a name of 0 bytes"),
    ("depth", 8, String(repeating: "[", count: 100_000), "values inside values"),
    ("half a string", 8, "{\"a", "ends inside a string"),
  ])
  func `whose header lies is refused`(
    name: String, dataBytes: Int, header: String, says: String?
  ) throws {
    let data = [UInt8](repeating: 0, count: says == nil ? 8 : dataBytes)
    let bytes = SafetensorsFile(header: header, data: data).bytes
    let error = Self.error { _ = try Self.header(bytes) }
    #expect((error == nil) == (says == nil))
    #expect(says.map { error?.message.contains($0) == true } ?? true, "\(error?.message ?? "")")
  }

  private static let ok = "{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"

  private static func entry(_ type: String, _ shape: String, _ offsets: String) -> String {
    "{\"a\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}}"
  }

  private static func header(_ bytes: [UInt8]) throws -> SafetensorsHeader {
    let count = try SafetensorsHeader.byteCount(
      front: Array(bytes.prefix(8)), fileByteCount: bytes.count)
    return try SafetensorsHeader(
      bytes: Array(bytes.prefix(count)), fileByteCount: bytes.count, name: "x")
  }

  @Test(arguments: [UInt64.max, 1 << 63, 1 << 40, 200])
  func `whose header is longer than its file is refused`(length: UInt64) {
    var file = SafetensorsFile(header: "{\"a\":\(Self.ok)}", data: [UInt8](repeating: 0, count: 8))
    file.claimedLength = length
    let error = Self.error { _ = try Self.header(file.bytes) }
    #expect(error?.code == .malformedFile && error?.message.contains("\(length) bytes") == true)
  }

  @Test func `with a header of 20 MB is refused unread`() {
    let error = Self.error {
      _ = try SafetensorsHeader.byteCount(
        front: GGUFBuilder.little(UInt64(20 << 20)), fileByteCount: 1 << 40)
    }
    #expect(error?.code == .unsupportedFile)
  }

  @Test func `cut at any byte is refused`() throws {
    let bytes = SafetensorsFile(header: "{\"a\":\(Self.ok)}", data: .init(repeating: 0, count: 8))
      .bytes
    _ = try Self.header(bytes)
    for count in 0..<bytes.count {
      #expect(Self.error { _ = try Self.header(Array(bytes[..<count])) } != nil, "\(count) bytes")
    }
  }
}
