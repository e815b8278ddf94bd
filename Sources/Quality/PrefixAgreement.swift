/// How far two answers go together before they part.
package enum PrefixAgreement {
  /// Length of the common beginning over the length of the longer answer, in words; 0…1.
  ///
  /// A word is what stands between white space. Two empty answers agree wholly. Cheap and for any
  /// backend, but harsh: answers that say the same in other words agree on little.
  package static func share(of first: String, and second: String) -> Double {
    let left = first.split(whereSeparator: \.isWhitespace)
    let right = second.split(whereSeparator: \.isWhitespace)
    let longer = max(left.count, right.count)
    guard longer > 0 else { return 1 }
    let common = zip(left, right).prefix { $0 == $1 }.count
    return Double(common) / Double(longer)
  }
}
