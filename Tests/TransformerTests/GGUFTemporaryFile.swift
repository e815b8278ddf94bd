import Foundation
import Transformer

/// A directory that exists while `body` runs.
func withTemporaryDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let directory = FileManager.default.temporaryDirectory
    .appending(path: "gguf-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: directory) }
  return try body(directory)
}

/// Opens a file of these bytes. The file stays open after its name is gone.
func openGGUF(_ bytes: [UInt8]) throws -> GGUFFile {
  try withTemporaryDirectory { directory in
    let path = directory.appending(path: "model.gguf")
    try Data(bytes).write(to: path)
    return try GGUFFile.open(path: path.path)
  }
}

/// The error that opening a file of these bytes gives, or `nil` if it opens.
func errorOpening(_ bytes: [UInt8]) throws -> TransformerError? {
  do {
    _ = try openGGUF(bytes)
    return nil
  } catch let error as TransformerError {
    return error
  }
}

extension GGUFFile {
  /// The numbers of one tensor as stored.
  func numbers(of tensor: GGUFTensor) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
    try bytes.withUnsafeMutableBytes { try read(tensor, into: $0) }
    return bytes
  }
}
