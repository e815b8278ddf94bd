internal import CKernels

/// Operations on rows of floats, each a thin name over a kernel.
extension Kernels {
  /// out = x / √(mean x² + epsilon) · weight, all `[width]`. `out` may be `x`.
  ///
  /// Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", equation 4.
  package func rmsNorm(
    _ x: UnsafePointer<Float>, weight: UnsafePointer<Float>, epsilon: Float, width: Int,
    into out: UnsafeMutablePointer<Float>
  ) {
    table.pointee.rms_norm(out, x, weight, width, epsilon)
  }

  /// Rotates the channel pairs (2i, 2i + 1) of each head by one position's angles.
  ///
  /// Su et al. 2021, "RoFormer", equation 34.
  ///
  /// - Parameters:
  ///   - x: `[heads, headWidth]`
  ///   - cosines: `[pairs]`; 2 · pairs is at most `headWidth`
  ///   - sines: `[pairs]`
  package func rotate(
    _ x: UnsafeMutablePointer<Float>, cosines: UnsafePointer<Float>, sines: UnsafePointer<Float>,
    heads: Int, headWidth: Int, pairs: Int
  ) {
    table.pointee.rotate(x, cosines, sines, heads, headWidth, pairs)
  }

  /// gate = gate · sigmoid(gate) · up, for `[rows, columns]`, a multiple of 16, `stride` apart.
  ///
  /// Shazeer 2020, "GLU Variants Improve Transformer", equation 6.
  package func swiGLU(
    gate: UnsafeMutablePointer<Float>, up: UnsafePointer<Float>, rows: Int, columns: Int,
    stride: Int
  ) {
    table.pointee.swiglu(gate, up, rows, columns, stride)
  }

  /// x = exp(x − max x) / Σ. At least one entry is finite.
  package func softmax(_ x: UnsafeMutableBufferPointer<Float>) {
    guard let start = x.baseAddress else { return }
    table.pointee.softmax(start, x.count)
  }

  /// log Σ exp(x), or NaN if any x is NaN or +∞, or none is finite.
  package func logSumExp(_ x: UnsafeBufferPointer<Float>) -> Float {
    guard let start = x.baseAddress else { return .nan }
    return table.pointee.log_sum_exp(start, x.count)
  }

  /// Rounds to binary16, whose bits `out` gets; beyond ±65,504 becomes infinite.
  package func toHalf(_ x: UnsafeBufferPointer<Float>, into out: UnsafeMutablePointer<UInt16>) {
    guard let start = x.baseAddress else { return }
    table.pointee.to_half(out, start, x.count)
  }

  /// The numbers of binary16 bits.
  package func fromHalf(_ x: UnsafeBufferPointer<UInt16>, into out: UnsafeMutablePointer<Float>) {
    guard let start = x.baseAddress else { return }
    table.pointee.from_half(out, start, x.count)
  }
}

extension Kernels {
  /// The place of the greatest element, of equals the first; 0 if there is none above −∞.
  package func indexOfGreatest(_ x: UnsafeBufferPointer<Float>) -> Int {
    guard let start = x.baseAddress else { return 0 }
    return table.pointee.index_of_greatest(start, x.count)
  }
}
