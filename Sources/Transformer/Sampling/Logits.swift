/// Passes over one vector of logits or weights, `[vocabularySize]`.
///
/// A vocabulary has tens of thousands of entries and each of these runs once per token, so that
/// none of them sorts, and the loops are plain enough for the compiler to vectorise.
enum Logits {
  struct Candidate: Hashable {
    let token: Token
    /// A logit or a weight, whatever was searched.
    let value: Float

    /// Whether `self` comes after `other`: less, or equal with a greater id.
    func ranksBelow(_ other: Candidate) -> Bool {
      value < other.value || (value == other.value && token > other.token)
    }
  }

  /// The greatest value; `nil` if any is NaN or +∞, if all are −∞, or if there is none.
  static func greatest(of values: UnsafeMutableBufferPointer<Float>) -> Float? {
    var isOrdinary = true
    // Four chains, for one alone would wait for the latency of each comparison.
    var best = (-Float.infinity, -Float.infinity, -Float.infinity, -Float.infinity)
    var index = 0
    while index &+ 4 <= values.count {
      best.0 = values[index] > best.0 ? values[index] : best.0
      best.1 = values[index &+ 1] > best.1 ? values[index &+ 1] : best.1
      best.2 = values[index &+ 2] > best.2 ? values[index &+ 2] : best.2
      best.3 = values[index &+ 3] > best.3 ? values[index &+ 3] : best.3
      index &+= 4
    }
    while index < values.count {
      best.0 = values[index] > best.0 ? values[index] : best.0
      index &+= 1
    }
    for value in values where !(value < .infinity) { isOrdinary = false }
    let greatest = max(max(best.0, best.1), max(best.2, best.3))
    return isOrdinary && greatest.isFinite ? greatest : nil
  }

  /// The `count` greatest values, best first; of equals the least ids.
  ///
  /// - Complexity: O(n + m · log count), where m values enter the list on the way; for logits in
  ///   no particular order m is about count · ln(n / count).
  static func heaviest(
    _ count: Int, of values: UnsafeMutableBufferPointer<Float>
  ) -> [Candidate] {
    let count = min(count, values.count)
    guard count > 0 else { return [] }
    // A heap with the worst kept candidate on top.
    var heap = (0..<count).map { Candidate(token: Token($0), value: values[$0]) }
    for root in stride(from: count / 2 - 1, through: 0, by: -1) { sift(&heap, from: root) }
    var worst = heap[0].value
    // Later ids lose against equals, so that only greater values enter.
    for index in count..<values.count where values[index] > worst {
      heap[0] = Candidate(token: Token(index), value: values[index])
      sift(&heap, from: 0)
      worst = heap[0].value
    }
    return heap.sorted { $1.ranksBelow($0) }
  }

  private static func sift(_ heap: inout [Candidate], from root: Int) {
    var parent = root
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { return }
      if child + 1 < heap.count, heap[child + 1].ranksBelow(heap[child]) { child += 1 }
      guard heap[child].ranksBelow(heap[parent]) else { return }
      heap.swapAt(child, parent)
      parent = child
    }
  }

  /// How many values are greater than `bound`.
  static func count(above bound: Float, in values: UnsafeMutableBufferPointer<Float>) -> Int {
    var count = 0
    for value in values { count &+= value > bound ? 1 : 0 }
    return count
  }

  /// `weights[i] = exp((values[i] − greatest) · scale)`.
  ///
  /// - Returns: the sum of the weights, at least 1 where `greatest` is among the values.
  static func exponentials(
    of values: UnsafeMutableBufferPointer<Float>, greatest: Float, scale: Float,
    into weights: UnsafeMutableBufferPointer<Float>
  ) -> Double {
    for index in 0..<values.count {
      weights[index] = exponential((values[index] - greatest) * scale)
    }
    return sum(of: weights)
  }

  /// The sum, without the error that 49,152 additions in single precision would pile up.
  static func sum(of weights: UnsafeMutableBufferPointer<Float>) -> Double {
    var sums = (0.0, 0.0, 0.0, 0.0)
    var index = 0
    while index &+ 4 <= weights.count {
      sums.0 += Double(weights[index])
      sums.1 += Double(weights[index &+ 1])
      sums.2 += Double(weights[index &+ 2])
      sums.3 += Double(weights[index &+ 3])
      index &+= 4
    }
    while index < weights.count {
      sums.0 += Double(weights[index])
      index &+= 1
    }
    return (sums.0 + sums.1) + (sums.2 + sums.3)
  }

  /// eˣ for x ≤ 0, within 2 units in the last place; 0 below −87.
  ///
  /// 2ⁿ · e^r with n = round(x / ln 2): n is read off the low bits after adding 1.5 · 2²³, and e^r,
  /// |r| ≤ ln 2 / 2, is a Taylor polynomial of degree 7, whose remainder is below 10⁻⁸. No branch
  /// and no checked conversion, so that the loop around it is vectorised.
  @inline(__always)
  static func exponential(_ x: Float) -> Float {
    let shift: Float = 12_582_912
    let clamped = x > -87 ? x : -87
    let shifted = clamped * 1.442_695_04 + shift
    let n = shifted - shift
    // ln 2 in two parts, so that the difference keeps its low bits.
    let r = (clamped - n * 0.693_359_375) + n * 2.121_944_4e-4
    var p: Float = 1 / 5_040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 0.5
    p = p * r + 1
    p = p * r + 1
    let power = Float(bitPattern: (shifted.bitPattern &<< 23) &+ 0x3f80_0000)
    return x > -87 ? p * power : 0
  }
}
