/// Where a model comes from: a GGUF file, or a checkpoint of safetensors.
package enum WeightSource: Sendable {
  case file(GGUFFile)
  case checkpoint(Checkpoint)

  /// Opens a folder or a file that ends in `.safetensors` as a checkpoint, everything else as GGUF;
  /// reads headers and no weights.
  ///
  /// - Throws: as `GGUFFile.open` and `Checkpoint.open` do
  package static func open(path: String) throws(TransformerError) -> WeightSource {
    path.hasSuffix(".safetensors") || WeightFile.isFolder(path)
      ? .checkpoint(try Checkpoint.open(path: path)) : .file(try GGUFFile.open(path: path))
  }

  /// Metadata in the terms of GGUF: what tokenizer and chat template are made of.
  package var description: GGUFFile {
    switch self {
    case .file(let file): file
    case .checkpoint(let checkpoint): checkpoint.description
    }
  }

  /// Every file that makes the model what it is. Of a checkpoint: `config.json`, then
  /// `tokenizer.json` and `tokenizer_config.json` if they are there, then the weights by name.
  package var files: [WeightFile] {
    switch self {
    case .file(let file): [file.file]
    case .checkpoint(let checkpoint): checkpoint.files
    }
  }

  /// Reads the weights; ends with a check that none of the files changed since they were opened.
  ///
  /// - Throws: as `Weights.init` does
  package func weights(threads: Int) throws(TransformerError) -> Weights {
    switch self {
    case .file(let file): try Weights(file, threads: threads)
    case .checkpoint(let checkpoint): try Weights(checkpoint, threads: threads)
    }
  }
}
