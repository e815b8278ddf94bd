import Testing

@testable import Statistics

@Suite struct StableHashTests {
  @Test(arguments: [
    // From the table of the paper's reference implementation: key 00 01 … 0f, input 00 01 … n−1.
    // The row for 15 bytes is appendix A of the paper itself. OpenSSL 3 prints the same.
    (0, 0x726f_db47_dd0e_0e31 as UInt64), (1, 0x74f8_39c5_93dc_67fd), (7, 0xab02_00f5_8b01_d137),
    (8, 0x93f5_f579_9a93_2462), (15, 0xa129_ca61_49be_45e5), (63, 0x958a_324c_eb06_4572),
  ])
  func `SipHash-2-4 gives the values of its specification`(count: Int, expected: UInt64) {
    let hash = SipHash(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
      .hash((0..<UInt8(count)))
    #expect(hash == expected)
  }

  @Test func `places never move between releases`() throws {
    let rows = try Fixture.text("stable_hash.txt").split(separator: "\n")
    #expect(rows.count == 21)
    for row in rows {
      let fields = row.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      try #require(fields.count == 4)
      let draw = try #require(UInt64(fields[0]))
      let expected = try #require(UInt64(fields[3], radix: 16))
      #expect(
        StableHash.hash(salt: fields[1], unit: fields[2], draw: draw) == expected,
        "\(row)"
      )
    }
    #expect(StableHash.place(salt: "assistant-1", unit: "user-1") == 0.781_547_202_555_283_4)
  }

  @Test func `places are uniform for units that differ in one digit`() {
    var counts = [Int](repeating: 0, count: 100)
    for user in 0..<20_000 {
      let place = StableHash.place(salt: "assistant-1", unit: "user-\(user)")
      counts[Int(place * 100)] += 1
    }
    let statistic = counts.reduce(0.0) { $0 + (Double($1) - 200) * (Double($1) - 200) / 200 }
    // χ² with 99 degrees of freedom exceeds 159 once in 10 000 seeds; the salt is fixed.
    #expect(statistic < 159)
  }

  @Test(arguments: [("assistant-1", 1 as UInt64), ("assistant-2", 0)])
  func `another draw or another salt is independent of the first`(salt: String, draw: UInt64) {
    var both = 0
    for user in 0..<20_000 {
      let first = StableHash.place(salt: "assistant-1", unit: "user-\(user)")
      let second = StableHash.place(salt: salt, unit: "user-\(user)", draw: draw)
      both += first < 0.5 && second < 0.5 ? 1 : 0
    }
    // Four standard errors of a binomial with p = 1/4, n = 20 000.
    #expect(abs(both - 5_000) < 245)
  }

  @Test func `the greatest hash stays below one`() {
    #expect(UInt64.max.unitInterval == 1 - 0x1p-53)
    #expect((0 as UInt64).unitInterval == 0)
  }
}
