/// How much two texts are alike by their embeddings.
package enum EmbeddingSimilarity {
  /// The cosine of the angle between two vectors, 0 where it is negative; `nil` where there is no
  /// angle: dimensions differ, a number is not finite, or a vector is all zeros.
  package static func cosine(_ first: [Float], _ second: [Float]) -> Double? {
    guard first.count == second.count else { return nil }
    var (product, left, right) = (0.0, 0.0, 0.0)
    for (one, other) in zip(first, second) {
      product += Double(one) * Double(other)
      left += Double(one) * Double(one)
      right += Double(other) * Double(other)
    }
    let length = left.squareRoot() * right.squareRoot()
    guard length > 0, length.isFinite, product.isFinite else { return nil }
    return min(max(product / length, 0), 1)
  }
}
