/// One tensor of a GGUF file: its shape, and where its numbers lie.
package struct GGUFTensor: Hashable, Sendable {
  package let name: String
  package let type: TensorType
  /// In GGUF order: the length of a row first, then the number of rows.
  package let dimensions: [Int]
  /// Bytes from the start of the file, a multiple of the file's alignment.
  package let offset: Int
  package let byteCount: Int

  func moved(by distance: Int) -> GGUFTensor {
    GGUFTensor(
      name: name, type: type, dimensions: dimensions, offset: offset + distance,
      byteCount: byteCount)
  }
}

/// An open GGUF file, checked: metadata in memory, weights still on the disk.
///
/// The header is *copied*, so that nothing that is read from it can change or vanish afterwards.
package struct GGUFFile: Sendable {
  package let metadata: [String: GGUFValue]
  package let tensors: [String: GGUFTensor]
  package let file: WeightFile

  /// Opens and checks a file; reads its header and no weights.
  ///
  /// - Throws: `unreadableFile`, `malformedFile` with the byte and the key or tensor at fault, or
  ///   `unsupportedFile` with what is supported.
  /// - Complexity: the header's length, at most 64 MiB.
  package static func open(path: String) throws(TransformerError) -> GGUFFile {
    let file = try WeightFile(path: path)
    do throws(TransformerError) {
      let header = try readHeader(of: file)
      return GGUFFile(metadata: header.metadata, tensors: header.tensors, file: file)
    } catch {
      throw TransformerError(error.code, "'\(path)': \(error.message)")
    }
  }

  /// Copies the numbers of `tensor` by reading the file; safe even if it is being shortened.
  ///
  /// - Parameter destination: `tensor.byteCount` bytes
  /// - Throws: `unreadableFile` if the file has become shorter.
  package func read(
    _ tensor: GGUFTensor, into destination: UnsafeMutableRawBufferPointer
  ) throws(TransformerError) {
    precondition(destination.count == tensor.byteCount, "a tensor is read as a whole")
    try file.read(at: tensor.offset, into: destination)
  }

  // MARK: Metadata by kind

  /// The integer under `key`, or `nil` if there is none.
  ///
  /// - Throws: `malformedFile` if something else is there.
  package func integer(_ key: String) throws(TransformerError) -> Int? {
    switch metadata[key] {
    case nil: return nil
    case .integer(let value): return value
    case let other?: throw Self.mistyped(key, other, expected: "an integer")
    }
  }

  /// The number under `key`, integers included, or `nil` if there is none.
  ///
  /// - Throws: `malformedFile` if something else is there, or a number that is not finite.
  package func number(_ key: String) throws(TransformerError) -> Double? {
    switch metadata[key] {
    case nil: return nil
    case .integer(let value): return Double(value)
    case .number(let value) where value.isFinite: return value
    case let other?: throw Self.mistyped(key, other, expected: "a finite number")
    }
  }

  /// The string under `key`, or `nil` if there is none.
  ///
  /// - Throws: `malformedFile` if something else is there.
  package func string(_ key: String) throws(TransformerError) -> String? {
    switch metadata[key] {
    case nil: return nil
    case .string(let value): return value
    case let other?: throw Self.mistyped(key, other, expected: "a string")
    }
  }

  /// The truth value under `key`, or `nil` if there is none.
  ///
  /// - Throws: `malformedFile` if something else is there.
  package func flag(_ key: String) throws(TransformerError) -> Bool? {
    switch metadata[key] {
    case nil: return nil
    case .flag(let value): return value
    case let other?: throw Self.mistyped(key, other, expected: "a truth value")
    }
  }

  /// The array under `key`, or `nil` if there is none.
  ///
  /// - Throws: `malformedFile` if something else is there.
  package func array(_ key: String) throws(TransformerError) -> GGUFArray? {
    switch metadata[key] {
    case nil: return nil
    case .array(let value): return value
    case let other?: throw Self.mistyped(key, other, expected: "an array")
    }
  }

  private static func mistyped(
    _ key: String, _ value: GGUFValue, expected: String
  ) -> TransformerError {
    TransformerError(.malformedFile, "metadata '\(key)' is \(value.kind), not \(expected)")
  }

  // MARK: Opening

  /// Reads as much of the file's front as the header turns out to need.
  private static func readHeader(of file: WeightFile) throws(TransformerError) -> GGUFHeader {
    let limit = min(file.byteCount, GGUFHeader.limits.headerBytes)
    var wanted = min(limit, 2 << 20)
    // At least doubles each time, so that it ends after a handful of rounds.
    while true {
      let bytes = try file.front(byteCount: wanted)
      do throws(GGUFHeaderFailure) {
        return try GGUFHeader(bytes: bytes, fileByteCount: file.byteCount)
      } catch {
        switch error {
        case .refused(let reason): throw reason
        case .needsMore(let byteCount):
          guard byteCount <= limit else {
            throw TransformerError(
              .unsupportedFile,
              "the header is longer than \(limit) bytes, far more than any real one")
          }
          wanted = min(limit, max(byteCount, 2 * wanted))
        }
      }
    }
  }
}
