import Foundation
import Synchronization
import Tensors

/// What memory gives, and how much of it this process takes.
enum MemoryBench {
  /// Bytes beyond any cache that most machines have.
  private static let bytesPerThread = 128 << 20

  /// What `threads` threads together read in a second: the best of a few passes.
  static func readBytesPerSecond(threads: Int) -> Double {
    let count = bytesPerThread / MemoryLayout<UInt64>.stride
    let best = (0..<3).map { _ in seconds(threads: threads, words: count) }.min() ?? .infinity
    return Double(threads * bytesPerThread) / best
  }

  private static func seconds(threads: Int, words: Int) -> Double {
    let memories = (0..<threads).compactMap { _ in
      Memory(byteCount: words * MemoryLayout<UInt64>.stride, isLarge: true)
    }
    for memory in memories { memset(memory.base, 1, memory.byteCount) }
    let next = Atomic<Int>(0)
    let total = Atomic<UInt64>(0)
    let begin = ContinuousClock.now
    withoutActuallyEscaping(
      { @Sendable in
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < memories.count else { return }
        let words = memories[index].base.bindMemory(to: SIMD8<UInt64>.self, capacity: words / 8)
        var sums = (SIMD8<UInt64>(), SIMD8<UInt64>(), SIMD8<UInt64>(), SIMD8<UInt64>())
        for place in stride(from: 0, to: memories[index].byteCount / 64, by: 4) {
          sums.0 &+= words[place]
          sums.1 &+= words[place + 1]
          sums.2 &+= words[place + 2]
          sums.3 &+= words[place + 3]
        }
        total.add((sums.0 &+ sums.1 &+ sums.2 &+ sums.3).wrappedSum(), ordering: .relaxed)
      },
      do: { ComputeThread.run(threads, $0) })
    // The sum is wanted, or nothing would have to be read.
    return total.load(ordering: .relaxed) == 0 ? .infinity : (.now - begin) / .seconds(1)
  }

  /// The most memory that this process has had resident, where the system says.
  static var peakResidentBytes: Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kibibytes = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
    else { return nil }
    return Int(kibibytes).map { $0 * 1_024 }
  }
}
