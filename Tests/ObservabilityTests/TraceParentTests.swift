import Testing

@testable import Observability

struct TraceParentTests {
  // The example of the recommendation, section 3.2.
  let example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

  @Test func `the recommendation's example is read and written back`() throws {
    let parent = try #require(TraceParent(header: example))
    #expect(parent.traceID == 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c)
    #expect(parent.spanID == 0xb7ad_6b71_6920_3331)
    #expect(parent.isSampled)
    #expect(parent.header == example)
  }

  @Test func `leading zeros are kept`() throws {
    let parent = try #require(TraceParent(traceID: 1, spanID: 0x2a, isSampled: false))
    #expect(parent.header == "00-00000000000000000000000000000001-000000000000002a-00")
    #expect(TraceParent(header: parent.header) == parent)
  }

  @Test(arguments: [
    "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
    "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
    "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
    "00-0af7651916cd43dd8448eb211c80319é-b7ad6b7169203331-01",
  ])
  func `what the recommendation forbids is no parent`(header: String) {
    #expect(TraceParent(header: header) == nil)
  }

  @Test func `a later version may say more`() throws {
    let ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
    let later = try #require(TraceParent(header: "cc-\(ids)-01-what-the-future-will-be"))
    #expect(later.header == "00-\(ids)-01")
    #expect(TraceParent(header: "cc-\(ids)-02")?.isSampled == false)
  }

  @Test func `a child stays in the trace under a span of its own`() throws {
    var generator = SeededGenerator()
    let parent = TraceParent(isSampled: true, using: &generator)
    let child = parent.child(using: &generator)
    #expect(child.traceID == parent.traceID)
    #expect(child.spanID != parent.spanID)
    #expect(child.isSampled)
    #expect(TraceParent(header: child.header) == child)
  }
}

/// SplitMix64, so that each run draws the same identifiers.
private struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64 = 7

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
