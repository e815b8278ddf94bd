import Synchronization
import Tensors

/// A tensor, and the file in which its numbers lie.
struct StoredTensor: Sendable {
  let tensor: GGUFTensor
  let file: WeightFile
}

/// Finds tensors by name and shape, and fills packed matrices with them in parallel.
struct WeightLoader {
  /// Rows that one thread reads and repacks at a time, in bytes of the file.
  private static let pieceBytes = 1 << 18

  private let tensors: [String: StoredTensor]
  private(set) var byteCount = 0
  private var pieces: [Piece] = []
  private var used: Set<String> = []

  /// Some tiles of a matrix: whole heads where their rows are reordered.
  fileprivate struct Piece: Sendable {
    let matrix: PackedMatrix
    let firstTile: Int
    let file: WeightFile
    let offset: Int
    let byteCount: Int
    let rowBytes: Int
    let order: RowOrder?
  }

  init(_ tensors: [String: StoredTensor]) {
    self.tensors = tensors
  }

  func contains(_ name: String) -> Bool { tensors[name] != nil }

  /// A matrix of zeros that `packAll` will fill.
  ///
  /// - Parameter order: how the rows are reordered, or `nil` to leave them; rows are whole heads
  mutating func matrix(
    _ name: String, rows: Int, columns: Int, order: RowOrder? = nil
  ) throws(TransformerError) -> PackedMatrix {
    let stored = try find(name, dimensions: [columns, rows])
    let format = try Self.format(of: stored.tensor)
    guard let matrix = PackedMatrix(rows: rows, columns: columns, format: format) else {
      throw Self.outOfMemory(name)
    }
    byteCount += matrix.byteCount
    let rowBytes = format.rowBytes(columns: columns)
    let tileBytes = rowBytes * PackedMatrix.tileRows
    // A head is whole tiles.
    let unit = order.map { $0.headWidth / PackedMatrix.tileRows } ?? 1
    let tiles = max(1, Self.pieceBytes / (unit * tileBytes)) * unit
    for tile in stride(from: 0, to: matrix.tileCount, by: tiles) {
      let start = tile * tileBytes
      pieces.append(
        Piece(
          matrix: matrix, firstTile: tile, file: stored.file,
          offset: stored.tensor.offset + start,
          byteCount: min(tiles * tileBytes, rows * rowBytes - start), rowBytes: rowBytes,
          order: order))
    }
    return matrix
  }

  /// The numbers of a small tensor, stored in f32, f16 or bf16.
  mutating func floats(_ name: String, count: Int) throws(TransformerError) -> [Float] {
    let stored = try find(name, dimensions: [count])
    let format = try Self.format(of: stored.tensor)
    guard [.f32, .f16, .bf16].contains(format) else {
      throw TransformerError(
        .unsupportedFile,
        "tensor '\(name)' is stored as \(stored.tensor.type); f32, f16 and bf16 are supported here")
    }
    var bytes = [UInt8](repeating: 0, count: stored.tensor.byteCount)
    var elements = [Float](repeating: 0, count: count)
    var failure: TransformerError?
    bytes.withUnsafeMutableBytes { bytes in
      do throws(TransformerError) {
        try stored.file.read(at: stored.tensor.offset, into: bytes)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    bytes.withUnsafeBytes { bytes in
      elements.withUnsafeMutableBufferPointer { format.dequantise(bytes, into: $0) }
    }
    return elements
  }

  mutating func vector(_ name: String, count: Int) throws(TransformerError) -> FloatVector {
    try vector(name, try floats(name, count: count))
  }

  /// The vector of that name, or `nil` where there is none.
  ///
  /// - Parameter order: how the matrix was reordered whose results it is added to
  mutating func optionalVector(
    _ name: String, count: Int, order: RowOrder? = nil
  ) throws(TransformerError) -> FloatVector? {
    guard contains(name) else { return nil }
    let elements = try floats(name, count: count)
    guard let order else { return try vector(name, elements) }
    return try vector(name, elements.indices.map { elements[order.source(of: $0)] })
  }

  private mutating func vector(
    _ name: String, _ elements: [Float]
  ) throws(TransformerError) -> FloatVector {
    guard let vector = FloatVector(elements) else { throw Self.outOfMemory(name) }
    byteCount += elements.count * MemoryLayout<Float>.stride
    return vector
  }

  /// Makes sure that no tensor was passed over: a model computed without one of its parts would
  /// answer, and answer wrongly.
  func checkAllUsed() throws(TransformerError) {
    let rest = tensors.keys.filter { !used.contains($0) }.sorted()
    guard let first = rest.first else { return }
    throw TransformerError(
      .unsupportedFile,
      "tensor '\(first)'\(rest.count > 1 ? " and \(rest.count - 1) others have" : " has") no place "
        + "in a model of this architecture; the weights are of another kind")
  }

  /// Fills every matrix.
  func packAll(threads: Int) throws(TransformerError) {
    let next = Atomic<Int>(0)
    let failure = Mutex<TransformerError?>(nil)
    let pieces = pieces
    let largest = pieces.map(\.byteCount).max() ?? 0
    let largestOrdered = pieces.filter { $0.order != nil }.map(\.byteCount).max() ?? 0
    withoutActuallyEscaping(
      { @Sendable in
        let buffer = UnsafeMutableRawBufferPointer.allocate(
          byteCount: largest + largestOrdered, alignment: 64)
        defer { buffer.deallocate() }
        while failure.withLock({ $0 == nil }) {
          let index = next.add(1, ordering: .relaxed).oldValue
          guard index < pieces.count else { return }
          do throws(TransformerError) {
            try pieces[index].pack(using: buffer)
          } catch {
            failure.withLock { $0 = error }
          }
        }
      },
      do: { ComputeThread.run(threads, $0) })
    if let error = failure.withLock({ $0 }) { throw error }
  }

  private mutating func find(
    _ name: String, dimensions: [Int]
  ) throws(TransformerError) -> StoredTensor {
    guard let stored = tensors[name] else {
      throw TransformerError(.malformedFile, "tensor '\(name)' is missing")
    }
    guard stored.tensor.dimensions == dimensions else {
      throw TransformerError(
        .malformedFile,
        "tensor '\(name)' has the shape \(stored.tensor.dimensions), not \(dimensions) as the "
          + "metadata say")
    }
    used.insert(name)
    return stored
  }

  private static func format(of tensor: GGUFTensor) throws(TransformerError) -> ElementFormat {
    switch tensor.type {
    case .f32: return .f32
    case .f16: return .f16
    case .bf16: return .bf16
    case .q4_0: return .q4_0
    case .q4_1: return .q4_1
    case .q5_0: return .q5_0
    case .q8_0: return .q8_0
    case .q4_K: return .q4_K
    case .q6_K: return .q6_K
    default:
      throw TransformerError(
        .unsupportedFile,
        "tensor '\(tensor.name)' is stored as \(tensor.type); supported are f32, f16, bf16, q4_0, "
          + "q4_1, q5_0, q8_0, q4_K and q6_K")
    }
  }

  private static func outOfMemory(_ name: String) -> TransformerError {
    TransformerError(.overloaded, "the system has no memory for tensor '\(name)'")
  }
}

extension WeightLoader.Piece {
  /// Reads the rows, puts them in order and packs them.
  ///
  /// - Parameter buffer: room for the piece, and for it once more if its rows are reordered
  fileprivate func pack(using buffer: UnsafeMutableRawBufferPointer) throws(TransformerError) {
    let rows = UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount])
    try file.read(at: offset, into: rows)
    guard let order else {
      matrix.pack(UnsafeRawBufferPointer(rows), firstTile: firstTile)
      return
    }
    let ordered = UnsafeMutableRawBufferPointer(rebasing: buffer[byteCount..<2 * byteCount])
    for row in 0..<byteCount / rowBytes {
      let source = order.source(of: row) * rowBytes
      UnsafeMutableRawBufferPointer(rebasing: ordered[row * rowBytes..<(row + 1) * rowBytes])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: rows[source..<source + rowBytes]))
    }
    matrix.pack(UnsafeRawBufferPointer(ordered), firstTile: firstTile)
  }
}
