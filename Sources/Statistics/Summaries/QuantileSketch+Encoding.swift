extension QuantileSketch {
  private static let encodingVersion: UInt8 = 1

  /// For a store: a version byte, the number of buckets, then the distance of each key from the
  /// one before (the first from the least possible) and its count, all as LEB128.
  ///
  /// Some hundred bytes in practice. One sketch has one encoding.
  package var encoded: [UInt8] {
    var writer = ByteWriter()
    writer.append(number: UInt64(Self.encodingVersion))
    writer.append(number: UInt64(buckets.count))
    var previous = -Self.greatestKey - 1
    for bucket in buckets {
      writer.append(number: UInt64(bucket.key - previous - 1))
      writer.append(number: UInt64(bucket.count))
      previous = bucket.key
    }
    return writer.bytes
  }

  /// Reads `encoded` bytes.
  ///
  /// - Parameter bytes: Untrusted; any other bytes than those that `encoded` gives are refused.
  /// - Throws: `corruptEncoding`.
  package init(decoding bytes: [UInt8]) throws(StatisticsError) {
    var reader = try ByteReader(bytes, version: Self.encodingVersion, what: "quantile sketch")
    let size = try reader.number(upTo: 2 * Self.greatestKey + 1)
    var buckets: [Bucket] = []
    var previous = -Self.greatestKey - 1
    var total = 0
    for _ in 0..<size {
      let key = previous + 1 + (try reader.number(upTo: 2 * Self.greatestKey))
      let count = try reader.number(upTo: .greatestExactCount - total)
      guard key <= Self.greatestKey else { throw reader.corrupt("bucket \(key) does not exist") }
      guard count > 0 else { throw reader.corrupt("bucket \(key) is empty") }
      buckets.append(Bucket(key: key, count: count))
      total += count
      previous = key
    }
    try reader.finish()
    self.init(trusted: buckets, count: total)
  }
}
