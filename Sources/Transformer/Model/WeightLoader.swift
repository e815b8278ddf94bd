import Synchronization
import Tensors

/// Finds a file's tensors by name and shape, and fills packed matrices with them in parallel.
struct WeightLoader {
  /// Rows that one thread reads and repacks at a time, in bytes of the file.
  private static let pieceBytes = 1 << 18

  let file: GGUFFile
  private(set) var byteCount = 0
  private var pieces: [Piece] = []

  /// Some tiles of a matrix.
  private struct Piece: Sendable {
    let matrix: PackedMatrix
    let firstTile: Int
    let offset: Int
    let byteCount: Int
  }

  init(file: GGUFFile) {
    self.file = file
  }

  func contains(_ name: String) -> Bool { file.tensors[name] != nil }

  /// A matrix of zeros that `packAll` will fill.
  mutating func matrix(
    _ name: String, rows: Int, columns: Int
  ) throws(TransformerError) -> PackedMatrix {
    let tensor = try find(name, dimensions: [columns, rows])
    let format = try Self.format(of: tensor)
    guard let matrix = PackedMatrix(rows: rows, columns: columns, format: format) else {
      throw Self.outOfMemory(name)
    }
    byteCount += matrix.byteCount
    let rowBytes = format.rowBytes(columns: columns)
    let tileBytes = rowBytes * PackedMatrix.tileRows
    let tiles = max(1, Self.pieceBytes / tileBytes)
    for tile in stride(from: 0, to: matrix.tileCount, by: tiles) {
      let start = tile * tileBytes
      pieces.append(
        Piece(
          matrix: matrix, firstTile: tile, offset: tensor.offset + start,
          byteCount: min(tiles * tileBytes, rows * rowBytes - start)))
    }
    return matrix
  }

  /// The numbers of a small tensor.
  mutating func floats(_ name: String, count: Int) throws(TransformerError) -> [Float] {
    let tensor = try find(name, dimensions: [count])
    guard tensor.type == .f32 else {
      throw TransformerError(
        .unsupportedFile, "tensor '\(name)' is stored as \(tensor.type); only f32 is supported")
    }
    var elements = [Float](repeating: 0, count: count)
    var failure: TransformerError?
    elements.withUnsafeMutableBytes { bytes in
      do throws(TransformerError) {
        try file.read(tensor, into: bytes)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return elements
  }

  mutating func vector(_ name: String, count: Int) throws(TransformerError) -> FloatVector {
    guard let vector = FloatVector(try floats(name, count: count)) else {
      throw Self.outOfMemory(name)
    }
    byteCount += count * MemoryLayout<Float>.stride
    return vector
  }

  /// Fills every matrix.
  func packAll(threads: Int) throws(TransformerError) {
    let next = Atomic<Int>(0)
    let failure = Mutex<TransformerError?>(nil)
    let (pieces, file) = (pieces, file.file)
    let largest = pieces.map(\.byteCount).max() ?? 0
    withoutActuallyEscaping(
      { @Sendable in
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: largest, alignment: 64)
        defer { buffer.deallocate() }
        while failure.withLock({ $0 == nil }) {
          let index = next.add(1, ordering: .relaxed).oldValue
          guard index < pieces.count else { return }
          let piece = pieces[index]
          let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<piece.byteCount])
          do throws(TransformerError) {
            try file.read(at: piece.offset, into: part)
            piece.matrix.pack(UnsafeRawBufferPointer(part), firstTile: piece.firstTile)
          } catch {
            failure.withLock { $0 = error }
          }
        }
      },
      do: { ComputeThread.run(threads, $0) })
    if let error = failure.withLock({ $0 }) { throw error }
  }

  private func find(_ name: String, dimensions: [Int]) throws(TransformerError) -> GGUFTensor {
    guard let tensor = file.tensors[name] else {
      throw TransformerError(.malformedFile, "tensor '\(name)' is missing")
    }
    guard tensor.dimensions == dimensions else {
      throw TransformerError(
        .malformedFile,
        "tensor '\(name)' has the shape \(tensor.dimensions), not \(dimensions) as the metadata say"
      )
    }
    return tensor
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
    default:
      throw TransformerError(
        .unsupportedFile,
        "tensor '\(tensor.name)' is stored as \(tensor.type); supported are f32, f16, bf16, q4_0, "
          + "q4_1, q5_0 and q8_0")
    }
  }

  private static func outOfMemory(_ name: String) -> TransformerError {
    TransformerError(.overloaded, "the system has no memory for tensor '\(name)'")
  }
}
