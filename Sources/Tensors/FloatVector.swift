/// Weights of a norm, a bias or the like: floats at a fixed address, written once, then only read.
package final class FloatVector: Sendable {
  package let count: Int
  private let memory: Memory

  /// - Parameter elements: at least 1
  /// - Returns: `nil` if the system has no memory for it.
  package init?(_ elements: [Float]) {
    guard let memory = Memory(byteCount: max(1, elements.count) * MemoryLayout<Float>.stride)
    else { return nil }
    count = elements.count
    self.memory = memory
    let start = memory.base.bindMemory(to: Float.self, capacity: max(1, elements.count))
    for (index, element) in elements.enumerated() { start[index] = element }
  }

  /// x += self, `[count]`.
  package func add(to x: UnsafeMutablePointer<Float>) {
    let elements = pointer
    for index in 0..<count { x[index] += elements[index] }
  }

  /// `[count]`; valid as long as this object.
  package var pointer: UnsafePointer<Float> {
    UnsafePointer(memory.base.assumingMemoryBound(to: Float.self))
  }
}
