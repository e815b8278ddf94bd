/// A model as published by Hugging Face: a folder of safetensors files with `config.json`.
///
/// What the files say is put into the terms of GGUF, so that everything behind it, from shapes to
/// tokens, is the same for both.
package struct Checkpoint: Sendable {
  /// The metadata that a GGUF file of this model has; no tensors.
  package let description: GGUFFile
  /// Every file that makes the model what it is: `config.json`, `tokenizer.json` and
  /// `tokenizer_config.json` if they are there, then the weights by name.
  package let files: [WeightFile]
  /// By GGUF's names.
  let tensors: [String: StoredTensor]
  let parameters: HyperParameters

  private static let shardLimit = 1_024
  /// Opens and checks a folder, or the folder of the file `model.safetensors` in it; reads headers
  /// and no weights.
  ///
  /// - Throws: `unreadableFile`, `malformedFile` with the place at fault, or `unsupportedFile` with
  ///   what is supported.
  package static func open(path: String) throws(TransformerError) -> Checkpoint {
    let isFile = path.hasSuffix(".safetensors")
    let folder = isFile ? String(path.reversed().drop { $0 != "/" }.reversed()) + "." : path
    var documents = Documents(folder: folder)
    let config = try CheckpointConfiguration(try documents.require("config.json"))
    let tokenizer = try documents.read("tokenizer.json")
    let tokenizerConfiguration = try documents.read("tokenizer_config.json")
    var metadata = config.metadata
    if let tokenizer {
      let read = try CheckpointTokenizer(tokenizer, tokenizerConfiguration)
      metadata.merge(try read.metadata(config)) { $1 }
    }
    // The index is not among the files: all that it says is checked against the others.
    var others = Documents(folder: folder)
    let index = isFile ? nil : try others.read("model.safetensors.index.json")
    let (files, tensors) = try Self.openShards(
      index.map(Self.shards), folder: folder, path: isFile ? path : "\(folder)/model.safetensors")
    return try Checkpoint(
      config, metadata, config.translated(tensors), files: documents.files + files)
  }

  private init(
    _ config: CheckpointConfiguration, _ metadata: [String: GGUFValue],
    _ tensors: [String: StoredTensor], files: [WeightFile]
  ) throws(TransformerError) {
    guard let first = files.first else {
      preconditionFailure("config.json is among the files")
    }
    parameters = try config.adjusted(
      HyperParameters(
        GGUFFile(metadata: metadata, tensors: tensors.mapValues(\.tensor), file: first)))
    description = GGUFFile(metadata: metadata, tensors: [:], file: first)
    self.files = files
    self.tensors = tensors
  }

  /// - Parameters:
  ///   - names: which file has which tensor, or `nil` without an index
  ///   - path: of the only file then
  private static func openShards(
    _ names: [String: String]?, folder: String, path: String
  ) throws(TransformerError) -> ([WeightFile], [String: StoredTensor]) {
    var files: [WeightFile] = []
    var tensors: [String: StoredTensor] = [:]
    for fileName in names.map({ Set($0.values).sorted() }) ?? [""] {
      let filePath = names == nil ? path : "\(folder)/\(fileName)"
      let (file, header) = try openShard(filePath)
      files.append(file)
      for (name, tensor) in header.tensors {
        guard names == nil || names?[name] == fileName, tensors[name] == nil else {
          throw TransformerError(
            .malformedFile, "'\(filePath)' has the tensor '\(name)', which the index does not say")
        }
        tensors[name] = StoredTensor(tensor: tensor, file: file)
      }
    }
    if let missing = names?.keys.filter({ tensors[$0] == nil }).min() {
      throw TransformerError(.malformedFile, "the index names tensor '\(missing)', no file has it")
    }
    return (files, tensors)
  }

  /// Which file has which tensor.
  private static func shards(_ index: JSON) throws(TransformerError) -> [String: String] {
    guard let map = index["weight_map"]?.object, !map.isEmpty else {
      throw TransformerError(.malformedFile, "the index has no weight_map; fetch it again")
    }
    var names: [String: String] = [:]
    for (tensor, file) in map {
      // A plain name: nothing may lead out of the folder.
      guard let name = file.string, name.hasSuffix(".safetensors"), !name.hasPrefix("."),
        !name.contains("/"), !name.contains("\0"), name.utf8.count <= 255
      else {
        throw TransformerError(
          .malformedFile, "the index does not name a file beside it for tensor '\(tensor)'")
      }
      names[tensor] = name
    }
    guard Set(names.values).count <= shardLimit else {
      throw TransformerError(.unsupportedFile, "more than \(shardLimit) files of weights")
    }
    return names
  }

  // MARK: Files

  private static func openShard(
    _ path: String
  ) throws(TransformerError) -> (WeightFile, SafetensorsHeader) {
    let file = try WeightFile(path: path)
    do throws(TransformerError) {
      let front = try file.front(byteCount: min(8, file.byteCount))
      let count = try SafetensorsHeader.byteCount(front: front, fileByteCount: file.byteCount)
      let header = try SafetensorsHeader(
        bytes: file.front(byteCount: count), fileByteCount: file.byteCount, name: path)
      return (file, header)
    } catch {
      throw TransformerError(error.code, "'\(path)': \(error.message)")
    }
  }
}

/// The JSON files of one folder, and those that were read.
private struct Documents {
  /// `tokenizer.json` of 256,000 tokens has 33 MB.
  private static let byteLimit = 64 << 20

  let folder: String
  private(set) var files: [WeightFile] = []

  init(folder: String) { self.folder = folder }

  /// - Throws: `unreadableFile` if there is no such file
  mutating func require(_ name: String) throws(TransformerError) -> JSON {
    let file = try WeightFile(path: "\(folder)/\(name)")
    guard file.byteCount <= Self.byteLimit else {
      throw TransformerError(
        .unsupportedFile, "'\(file.path)' has \(file.byteCount) bytes, far more than any real one")
    }
    files.append(file)
    return try JSON(file.front(byteCount: file.byteCount), name: file.path)
  }

  /// `nil` where there is no such file.
  mutating func read(_ name: String) throws(TransformerError) -> JSON? {
    WeightFile.exists("\(folder)/\(name)") ? try require(name) : nil
  }
}
