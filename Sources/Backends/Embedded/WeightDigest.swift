import Crypto
package import Transformer

/// SHA-256 of weights: tells vocabularies, and the models that gates are for, apart.
package enum WeightDigest {
  /// Of a file, or of a checkpoint's files one after the other; lower-case hex.
  ///
  /// Reads by system calls: a file that is cut short meanwhile is an error and not a crash.
  ///
  /// - Throws: `unreadableFile`
  package static func hex(of files: [WeightFile]) throws(TransformerError) -> String {
    var hash = SHA256()
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 20, alignment: 64)
    defer { piece.deallocate() }
    for file in files {
      for offset in stride(from: 0, to: file.byteCount, by: piece.count) {
        let count = min(piece.count, file.byteCount - offset)
        let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<count])
        try file.read(at: offset, into: part)
        hash.update(bufferPointer: UnsafeRawBufferPointer(part))
      }
    }
    return hash.finalize().map { byte in
      let hex = String(byte, radix: 16)
      return hex.count == 1 ? "0" + hex : hex
    }.joined()
  }
}
