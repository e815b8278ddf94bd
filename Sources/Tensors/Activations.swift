internal import CKernels

/// The arithmetic of products with quantised weights. A deployment's choice, not a variant's.
package enum NumericMode: String, Hashable, Sendable, CaseIterable {
  /// Activations as they are; weights become floats on the way. Products err by 2⁻¹⁶ at most.
  case float32
  /// Activations rounded: to 8 bits in blocks of 32, summed as integers, or, where a text is read
  /// and the processor has matrix units, to bfloat16, whose 8 bits move with each number.
  case int8
}

/// Rows of activations, as floats and in the form that products want.
///
/// A view of memory that its `Workspace` owns. Rows are `columns` apart. Codes and bfloat16 numbers
/// share their room, as one pass uses one of them.
package struct Activations {
  package let floats: UnsafeMutablePointer<Float>
  package let columns: Int
  let codes: UnsafeMutablePointer<Int8>
  let scales: UnsafeMutablePointer<Float>
  let sums: UnsafeMutablePointer<Float>
  let high: UnsafeMutablePointer<UInt16>
  let low: UnsafeMutablePointer<UInt16>

  /// Takes room for `rows` rows of `columns`, a multiple of 32, from `arena`.
  package init(rows: Int, columns: Int, from arena: inout Arena) {
    precondition(columns % ElementFormat.block == 0, "\(columns) columns are not whole blocks")
    self.columns = columns
    floats = arena.take(rows * columns)
    let count = Self.paddedRows(rows) * columns
    high = arena.take(2 * count)
    low = high + count
    // Codes take a byte, scales and sums four for each 32: together less than two bfloat16 numbers.
    let blocks = rows * columns / ElementFormat.block
    let bytes = UnsafeMutableRawPointer(high)
    scales = bytes.bindMemory(to: Float.self, capacity: 2 * blocks)
    sums = scales + blocks
    codes = (bytes + 2 * blocks * MemoryLayout<Float>.stride)
      .bindMemory(to: Int8.self, capacity: rows * columns)
  }

  /// Bytes that `init` takes from an arena.
  package static func byteCount(rows: Int, columns: Int) -> Int {
    Arena.byteCount(rows * columns, Float.self)
      + Arena.byteCount(2 * paddedRows(rows) * columns, UInt16.self)
  }

  /// Whole register tiles of rows.
  private static func paddedRows(_ rows: Int) -> Int { (rows + 31) & ~31 }

  /// `[columns]`: one row's floats.
  package func row(_ row: Int) -> UnsafeMutablePointer<Float> { floats + row * columns }

  /// Brings the floats of `rows` into another form.
  ///
  /// - Parameter rows: for bfloat16 numbers, which lie in tiles, from a multiple of 16 on
  package func prepare(_ rows: Range<Int>, form: ProductForm, kernels: Kernels) {
    let first = rows.lowerBound * columns
    switch form {
    case .floats: return
    case .codes:
      let blocks = columns / ElementFormat.block
      for row in rows {
        kernels.table.pointee.quantise(
          codes + row * columns, scales + row * blocks, sums + row * blocks, floats + row * columns,
          columns)
      }
    case .brains(let isExact):
      precondition(rows.lowerBound % PackedMatrix.tileRows == 0, "rows \(rows) begin in a tile")
      kernels.matrix?.pointee.split(
        high + first, isExact ? low + first : nil, floats + first, rows.count, columns)
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
