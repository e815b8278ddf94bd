import Tensors

/// The matrices of scores that `dense` attention materialises, one for each thread.
///
/// Grown by the thread that leads a pass, before the pass; used by its helpers during it.
final class ScoreMatrices {
  private let lanes: Int
  private var memory: Memory?
  private var stride = 0

  init(lanes: Int) {
    self.lanes = lanes
  }

  var byteCount: Int { memory?.byteCount ?? 0 }

  /// Makes room for the scores of a chunk, if `attention` keeps any.
  ///
  /// - Throws: `overloaded` if the system has no memory.
  func reserve(_ attention: AttentionKind, positions: Range<Int>) throws(TransformerError) {
    guard attention == .dense else { return }
    let size = KeyBlock.keyCount
    let keys = (positions.upperBound + size - 1) / size * size
    let wanted = positions.count * keys
    guard wanted > stride else { return }
    memory = nil
    guard let memory = Memory(byteCount: lanes * wanted * MemoryLayout<Float>.stride) else {
      stride = 0
      throw TransformerError(.overloaded, "the system has no memory for \(wanted) scores")
    }
    self.memory = memory
    stride = wanted
  }

  /// Room for one head's scores; only after `reserve`.
  func matrix(lane: Int) -> UnsafeMutablePointer<Float> {
    guard let memory else { preconditionFailure("scores were not reserved") }
    return memory.base.bindMemory(to: Float.self, capacity: lanes * stride) + lane * stride
  }
}
