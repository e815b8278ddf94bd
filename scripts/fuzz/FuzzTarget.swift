// The libFuzzer target of `make fuzz`: bytes as a file of weights, through everything that reads
// one: header, shape, tokenizer, chat template, weights, and a few tokens of the model itself; or,
// where they are no GGUF, as the files of a checkpoint.

import Glibc
import Tensors

@testable import Transformer

/// Seeds, sound ones, are written into the folder that ROLLOUT_FUZZ_SEEDS names.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_: UnsafeMutablePointer<CInt>, _: UnsafeMutableRawPointer) -> CInt {
  guard let folder = getenv("ROLLOUT_FUZZ_SEEDS") else { return 0 }
  for (name, bytes) in FuzzSeeds.all {
    guard let file = fopen("\(String(cString: folder))/\(name)", "w") else { return 1 }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  guard bytes.starts(with: "GGUF".utf8) else {
    readCheckpoint([UInt8](bytes))
    return 0
  }
  guard let path = input.replace(by: bytes) else { return 0 }
  // Every refusal is fine; anything else ends the process and is a find.
  guard let file = try? GGUFFile.open(path: path) else { return 0 }
  if let tokenizer = try? Tokenizer(file) { use(tokenizer, of: file) }
  if let weights = try? Weights(file, threads: 1) { run(weights) }
  return 0
}

/// As the header of safetensors, or as one of the JSON files.
private func readCheckpoint(_ bytes: [UInt8]) {
  if bytes.first != UInt8(ascii: "{") {
    let front = Array(bytes.prefix(8))
    guard
      let count = try? SafetensorsHeader.byteCount(front: front, fileByteCount: bytes.count),
      let header = try? SafetensorsHeader(
        bytes: Array(bytes.prefix(count)), fileByteCount: bytes.count, name: "x")
    else { return }
    let total = header.tensors.values.reduce(0) { $0 + $1.byteCount }
    precondition(total == bytes.count - count, "every byte belongs to one tensor")
    return
  }
  guard let json = try? JSON(bytes, name: "x") else { return }
  let config = try? CheckpointConfiguration(json)
  guard let read = try? CheckpointTokenizer(json, json),
    let sound = config ?? soundConfiguration, let metadata = try? read.metadata(sound),
    let path = input.replace(by: UnsafeRawBufferPointer(start: nil, count: 0)),
    let file = try? WeightFile(path: path)
  else { return }
  let description = GGUFFile(metadata: metadata, tensors: [:], file: file)
  if let tokenizer = try? Tokenizer(description) { use(tokenizer, of: description) }
}

private let soundConfiguration = try? CheckpointConfiguration(
  JSON(#"{"model_type": "llama", "bos_token_id": 0, "eos_token_id": [1]}"#.utf8, name: "x"))

private func use(_ tokenizer: Tokenizer, of file: GGUFFile) {
  let text = "the <s>the</s> it's aß1 12345\r\n\n  \u{2581}日本 \u{1F600}<0x41>`!?"
  for special in [false, true] {
    let tokens = tokenizer.encode(text, special: special)
    precondition(tokens.allSatisfy { (0..<Token(tokenizer.vocabularySize)).contains($0) })
    precondition(special || !tokens.contains(where: tokenizer.isControl))
    for token in tokens { _ = (tokenizer.bytes(of: token), tokenizer.spelling(of: token)) }
  }
  guard let template = try? ChatTemplate(file, tokenizer: tokenizer) else { return }
  let turns = [ChatTurn(role: .system, content: "a"), ChatTurn(role: .user, content: " <s>b ")]
  _ = template.tokens(for: turns, addGenerationPrompt: true, tokenizer: tokenizer)
}

private func run(_ weights: Weights) {
  let parameters = weights.parameters
  // A pass has buffers for 256 positions whatever the text; larger models are only loaded.
  guard parameters.hiddenWidth <= 1_024, parameters.vocabularySize <= 4_096 else { return }
  guard let variant = try? ModelVariant(name: "x", weights: weights) else { return }
  let executor = Executor(kernels: .fastest, mode: .int8, lane: 0, lanes: 1)
  var cache = KeyValueCache(
    KeyValuePage.Shape(parameters), budget: CacheBudget(limitBytes: 64 << 20), priority: .live)
  guard let pass = try? executor.pass(variant) else { return }
  let last = Token(parameters.vocabularySize - 1)
  guard (try? pass.run([0, last, 0], cache: &cache)) != nil else { return }
  pass.computeLogits(rows: 0..<3)
}

/// A file without a name that each input replaces, in memory where the system has room for it.
private struct Input {
  private let descriptor: CInt

  init() {
    var template = Array("/dev/shm/fuzz-XXXXXX".utf8CString)
    descriptor = mkstemp(&template)
    unlink(template)
  }

  func replace(by bytes: UnsafeRawBufferPointer) -> String? {
    guard descriptor >= 0, ftruncate(descriptor, 0) == 0,
      pwrite(descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count
    else { return nil }
    return "/proc/self/fd/\(descriptor)"
  }
}

private let input = Input()
