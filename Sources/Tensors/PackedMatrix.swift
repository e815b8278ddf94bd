internal import CKernels

/// A matrix of weights in the layout that products want: tiles of 16 rows, interleaved.
///
/// Written once, by `pack`, then only read. The same tiles serve both numeric modes.
package final class PackedMatrix: Sendable {
  /// Rows that are stored and multiplied together.
  package static let tileRows = Int(CK_TILE)

  package let rows: Int
  /// A multiple of the format's `rowMultiple`.
  package let columns: Int
  package let format: ElementFormat
  package let tileCount: Int
  private let tileBytes: Int
  private let memory: Memory
  private let packing: ck_packing

  /// Bytes that the matrix takes.
  package var byteCount: Int { memory.byteCount }

  /// Rows with the rows that fill up the last tile: what outputs have room for.
  package var paddedRows: Int { tileCount * Self.tileRows }

  /// Room for a matrix of zeros.
  ///
  /// - Parameter columns: a multiple of the format's `rowMultiple`
  /// - Returns: `nil` if the system has no memory for it.
  package init?(rows: Int, columns: Int, format: ElementFormat) {
    precondition(rows > 0 && columns > 0, "an empty matrix")
    precondition(columns % format.rowMultiple == 0, "\(columns) columns are not whole blocks")
    self.rows = rows
    self.columns = columns
    self.format = format
    packing = ck_packing_for(format.native)
    tileCount = (rows + Self.tileRows - 1) / Self.tileRows
    tileBytes = ck_tile_size(packing, columns)
    guard let memory = Memory(byteCount: tileCount * tileBytes, isLarge: true) else { return nil }
    self.memory = memory
  }

  /// Rearranges rows of a file into their tiles. Different tiles may be packed at the same time.
  ///
  /// - Parameters:
  ///   - source: whole rows in `format`, from the first row of tile `firstTile` on; whole tiles,
  ///     except at the end of the matrix
  package func pack(_ source: UnsafeRawBufferPointer, firstTile: Int) {
    let rowBytes = format.rowBytes(columns: columns)
    let count = source.count / rowBytes
    precondition(count * rowBytes == source.count, "rows are packed as a whole")
    precondition(firstTile * Self.tileRows + count <= rows, "more rows than the matrix has")
    guard let start = source.baseAddress else { return }
    for row in stride(from: 0, to: count, by: Self.tileRows) {
      ck_pack(
        memory.base + (firstTile + row / Self.tileRows) * tileBytes, start + row * rowBytes,
        rowBytes, min(Self.tileRows, count - row), format.native, columns)
    }
  }

  /// The numbers of one row.
  ///
  /// - Parameter out: `[columns]`, overwritten
  package func unpackRow(_ row: Int, into out: UnsafeMutablePointer<Float>) {
    precondition((0..<rows).contains(row), "row \(row) of \(rows)")
    ck_unpack_row(
      out, memory.base + row / Self.tileRows * tileBytes, packing, columns, row % Self.tileRows)
  }

  /// out[i, r] = Σₖ x[i, k] · self[r, k] for the rows r of some tiles.
  ///
  /// - Parameters:
  ///   - tiles: which; columns of `out` that belong to other tiles stay as they are
  ///   - x: `[xRows, columns]`, prepared in `form`
  ///   - xRows: for bfloat16 numbers, from a multiple of 16 on
  ///   - out: `[xRows, stride]`, with room for `paddedRows` columns
  ///   - accumulates: adds to `out` instead of overwriting it
  package func multiply(
    tiles: Range<Int>, _ x: Activations, xRows: Range<Int>, into out: UnsafeMutablePointer<Float>,
    stride: Int, accumulates: Bool = false, form: ProductForm, kernels: Kernels
  ) {
    precondition(x.columns == columns, "\(x.columns) activations for \(columns) columns")
    precondition(tiles.lowerBound >= 0 && tiles.upperBound <= tileCount, "tiles \(tiles)")
    let first = xRows.lowerBound
    let place = (columns: first * columns, blocks: first * columns / ElementFormat.block)
    let adds: Int32 = accumulates ? 1 : 0
    func each(_ body: (UnsafeMutablePointer<Float>, UnsafeRawPointer) -> Void) {
      for tile in tiles {
        body(
          out + first * stride + tile * Self.tileRows,
          UnsafeRawPointer(memory.base + tile * tileBytes))
      }
    }
    switch form {
    case .brains(let isExact):
      guard let matrix = kernels.matrix else {
        preconditionFailure("bfloat16 products without matrix units")
      }
      precondition(first % Self.tileRows == 0, "rows \(xRows) begin in a tile")
      let brains = ck_brains(
        high: x.high + place.columns, low: isExact ? UnsafePointer(x.low + place.columns) : nil)
      matrix.pointee.product(
        out + first * stride + tiles.lowerBound * Self.tileRows, stride, brains, xRows.count,
        memory.base + tiles.lowerBound * tileBytes, tiles.count, packing, columns, adds)
    case .codes where ck_has_codes(packing) != 0:
      let codes = ck_codes(
        codes: x.codes + place.columns, scales: x.scales + place.blocks,
        sums: x.sums + place.blocks)
      each { out, weights in
        kernels.table.pointee.product_codes(
          out, stride, codes, xRows.count, weights, packing, columns, adds)
      }
    case .floats, .codes:
      each { out, weights in
        kernels.table.pointee.product(
          out, stride, x.floats + place.columns, columns, xRows.count, weights, packing, columns,
          adds)
      }
    }
  }

  /// Whether `gatedProduct` computes products of `form` with this gate.
  package func hasGatedProduct(_ form: ProductForm) -> Bool {
    guard case .brains = form else { return false }
    return columns <= Int(CK_GATED_COLUMNS)
  }

  /// out[i, r] = g · sigmoid(g) · Σₖ x[i, k] · up[r, k] with g = Σₖ x[i, k] · self[r, k], for the
  /// rows r of some tiles, in the form that the next product wants.
  ///
  /// Shazeer 2020, "GLU Variants Improve Transformer", equation 6. What is between the two products
  /// and the next stays in the first-level cache.
  ///
  /// - Parameters:
  ///   - up: of this matrix's shape
  ///   - tiles: from an even one on
  ///   - x: `[xRows, columns]`, prepared in `form`, one that `hasGatedProduct`
  ///   - xRows: how many, from the first on; all are written, and what fills up the last 32
  ///   - out: `[xRows, rows]`, of which the bfloat16 numbers are written
  package func gatedProduct(
    _ up: PackedMatrix, tiles: Range<Int>, _ x: Activations, xRows: Int, into out: Activations,
    form: ProductForm, kernels: Kernels
  ) {
    guard case .brains(let isExact) = form, let matrix = kernels.matrix else {
      preconditionFailure("gated products without matrix units")
    }
    precondition(columns == up.columns && rows == up.rows, "a gate of another shape")
    precondition(hasGatedProduct(form) && x.columns == columns, "\(x.columns) activations")
    precondition(out.columns == paddedRows, "\(rows) results for \(out.columns) columns")
    precondition(tiles.lowerBound % 2 == 0 && tiles.upperBound <= tileCount, "tiles \(tiles)")
    func native(_ weights: PackedMatrix) -> ck_tiles {
      ck_tiles(
        tiles: weights.memory.base + tiles.lowerBound * weights.tileBytes, packing: weights.packing)
    }
    // 16 rows by 32 columns after one another: a column of tiles is 16 times as far as a column.
    let place = tiles.lowerBound * Self.tileRows * Self.tileRows
    withUnsafePointer(to: native(self)) { gate in
      withUnsafePointer(to: native(up)) { up in
        matrix.pointee.gated_product(
          out.high + place, isExact ? out.low + place : nil, out.columns,
          ck_brains(high: x.high, low: isExact ? UnsafePointer(x.low) : nil), xRows, gate, up,
          tiles.count, columns)
      }
    }
  }
}
