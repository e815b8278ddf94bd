import Tensors

/// A text that is read for what the model makes of it: the mean of its last hidden states.
///
/// Sendable unchecked for the reason that `GenerationJob` gives.
final class EmbeddingJob: Job, @unchecked Sendable {
  typealias Continuation = AsyncThrowingStream<[Float], any Error>.Continuation

  let priority: Priority
  private let text: [Token]
  private let variant: ModelVariant
  private let continuation: Continuation
  private var cache: KeyValueCache
  private var read = 0
  /// [width]: in double precision, so that the order of thousands of summands hardly matters.
  private var sums: [Double]

  /// - Parameter text: at least one token
  init(
    _ text: [Token], variant: ModelVariant, priority: Priority, cache: KeyValueCache,
    continuation: Continuation
  ) {
    self.text = text
    self.variant = variant
    self.priority = priority
    self.cache = cache
    self.continuation = continuation
    sums = Array(repeating: 0, count: variant.weights.parameters.width)
  }

  func runQuantum(_ executor: Executor) throws(TransformerError) -> Turn? {
    let pass = try executor.pass(variant.weights, isPrefill: true)
    let chunk = variant.chunk(text[read...], after: cache)
    try pass.run(chunk, of: variant, cache: &cache)
    pass.addHidden(rows: chunk.count, to: &sums)
    read += chunk.count
    guard read == text.count else { return .chunk }
    cache.removeAll()
    guard let length = Self.length(of: sums) else {
      throw TransformerError(
        .notANumber, "a hidden state is not a number, or all are 0; the weights may be damaged")
    }
    for index in sums.indices { sums[index] /= length }
    return nil
  }

  /// Euclidean; `nil` for what has no direction.
  private static func length(of vector: [Double]) -> Double? {
    let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return length.isFinite && length > 0 ? length : nil
  }

  func complete() {
    // The mean is the sum but for its length, which is 1 now.
    continuation.yield(sums.map(Float.init))
    continuation.finish()
  }

  func releaseCache() { cache.removeAll() }

  func fail(_ error: TransformerError) {
    continuation.finish(throwing: error)
  }
}

extension ForwardPass {
  /// Adds the last hidden states of the first rows of the stream, normalised as the head reads
  /// them.
  ///
  /// - Parameter sums: [width]
  fileprivate func addHidden(rows: Int, to sums: inout [Double]) {
    let parameters = weights.parameters
    let width = parameters.width
    for row in 0..<rows {
      let hidden = workspace.normed.row(row)
      kernels.rmsNorm(
        workspace.stream + row * width, weight: weights.outputNorm.pointer,
        epsilon: parameters.normEpsilon, width: width, into: hidden)
      for column in 0..<width { sums[column] += Double(hidden[column]) }
    }
  }
}
