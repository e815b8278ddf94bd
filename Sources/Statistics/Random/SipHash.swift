/// SipHash-2-4: a keyed 64-bit hash of a sequence of bytes.
///
/// Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012. Words are read
/// little-endian whatever the machine, so one input has one hash everywhere, for ever.
struct SipHash {
  private var v0: UInt64
  private var v1: UInt64
  private var v2: UInt64
  private var v3: UInt64

  /// The 128-bit key as its two little-endian words.
  init(key: (UInt64, UInt64)) {
    v0 = key.0 ^ 0x736f_6d65_7073_6575
    v1 = key.1 ^ 0x646f_7261_6e64_6f6d
    v2 = key.0 ^ 0x6c79_6765_6e65_7261
    v3 = key.1 ^ 0x7465_6462_7974_6573
  }

  /// The hash of `bytes`; consumes the state.
  consuming func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var word: UInt64 = 0
    var count: UInt64 = 0
    for byte in bytes {
      word |= UInt64(byte) &<< (8 &* (count & 7))
      count &+= 1
      if count & 7 == 0 {
        compress(word)
        word = 0
      }
    }
    // The last word holds the bytes left over and, on top, the length modulo 256.
    compress(word | count &<< 56)
    v2 ^= 0xff
    for _ in 0..<4 { round() }
    return v0 ^ v1 ^ v2 ^ v3
  }

  private mutating func compress(_ word: UInt64) {
    v3 ^= word
    round()
    round()
    v0 ^= word
  }

  private mutating func round() {
    v0 &+= v1
    v1 = v1.rotated(left: 13) ^ v0
    v0 = v0.rotated(left: 32)
    v2 &+= v3
    v3 = v3.rotated(left: 16) ^ v2
    v0 &+= v3
    v3 = v3.rotated(left: 21) ^ v0
    v2 &+= v1
    v1 = v1.rotated(left: 17) ^ v2
    v2 = v2.rotated(left: 32)
  }
}

extension UInt64 {
  /// The bits turned towards the top by `count`, 1…63.
  func rotated(left count: UInt64) -> UInt64 {
    self &<< count | self &>> (64 &- count)
  }

  /// The top 53 bits as a multiple of 2⁻⁵³ in [0, 1): every such value is equally likely.
  var unitInterval: Double {
    Double(self &>> 11) * 0x1p-53
  }
}
