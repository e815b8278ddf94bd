internal import CKernels

/// The arithmetic of products with quantised weights. A deployment's choice, not a variant's.
package enum NumericMode: String, Hashable, Sendable, CaseIterable {
  /// Activations as they are; weights become floats on the way.
  case float32
  /// Activations rounded to 8 bits in blocks of 32, summed as integers.
  case int8
}

/// Rows of activations, as floats and, for `int8`, as codes too.
///
/// A view of memory that its `Workspace` owns. Rows are `columns` apart.
package struct Activations {
  package let floats: UnsafeMutablePointer<Float>
  package let columns: Int
  let codes: UnsafeMutablePointer<Int8>
  let scales: UnsafeMutablePointer<Float>
  let sums: UnsafeMutablePointer<Float>

  /// Takes room for `rows` rows of `columns`, a multiple of 32, from `arena`.
  package init(rows: Int, columns: Int, from arena: inout Arena) {
    precondition(columns % ElementFormat.block == 0, "\(columns) columns are not whole blocks")
    self.columns = columns
    floats = arena.take(rows * columns)
    codes = arena.take(rows * columns)
    scales = arena.take(rows * columns / ElementFormat.block)
    sums = arena.take(rows * columns / ElementFormat.block)
  }

  /// Bytes that `init` takes from an arena.
  package static func byteCount(rows: Int, columns: Int) -> Int {
    let scales = rows * columns / ElementFormat.block
    return Arena.byteCount(rows * columns, Float.self) + Arena.byteCount(rows * columns, Int8.self)
      + 2 * Arena.byteCount(scales, Float.self)
  }

  /// `[columns]`: one row's floats.
  package func row(_ row: Int) -> UnsafeMutablePointer<Float> { floats + row * columns }

  /// Computes the codes of `rows` from their floats.
  package func quantise(_ rows: Range<Int>, kernels: Kernels) {
    let blocks = columns / ElementFormat.block
    for row in rows {
      kernels.table.pointee.quantise(
        codes + row * columns, scales + row * blocks, sums + row * blocks, floats + row * columns,
        columns)
    }
  }
}

/// Hands out aligned pieces of one `Memory`, which must outlive them.
package struct Arena {
  private let memory: Memory
  private var used = 0

  package init(_ memory: Memory) { self.memory = memory }

  /// Bytes that `count` elements take.
  package static func byteCount<Element>(_ count: Int, _: Element.Type) -> Int {
    (count * MemoryLayout<Element>.stride + 63) & ~63
  }

  /// Zeroed room for `count` elements, aligned to 64 bytes.
  package mutating func take<Element: BitwiseCopyable>(
    _ count: Int
  ) -> UnsafeMutablePointer<Element> {
    let start = memory.base + used
    used += Self.byteCount(count, Element.self)
    precondition(used <= memory.byteCount, "an arena of \(memory.byteCount) bytes is too small")
    return start.bindMemory(to: Element.self, capacity: count)
  }
}
