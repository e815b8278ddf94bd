import Experimentation
import Testing

@testable import PolicyLanguage

/// Numbers and units, told without YAML's surprises.
struct QuantityTests {
  @Test(arguments: [("0", 0.0), ("300", 300), ("-3", -3), ("0.05", 0.05), ("12.50", 12.5)])
  func `a number is digits`(_ text: String, _ value: Double) {
    #expect(NumberForm(text) == .decimal(value))
  }

  @Test(arguments: [
    ("017", "17"), ("00", "0"), ("-007", "-7"), ("00.5", "0.5"), ("1_000", "1000"), (".5", "0.5"),
    ("5.", "5"), ("+5", "5"),
  ])
  func `what readers take for different numbers is refused with what was meant`(
    _ text: String, _ suggestion: String
  ) {
    guard case .ambiguous(_, let suggested) = NumberForm(text) else {
      Issue.record("'\(text)' is \(NumberForm(text))")
      return
    }
    #expect(suggested == suggestion)
  }

  @Test(arguments: ["1:30", "190:20:30", "0x1F", "0o17", "0b1", "1e3", "5E-2"])
  func `other bases and exponents are refused`(_ text: String) {
    guard case .ambiguous(_, nil) = NumberForm(text) else {
      Issue.record("'\(text)' is \(NumberForm(text))")
      return
    }
  }

  @Test func `numbers that are not finite are told apart`() {
    let texts = [".nan", ".NaN", ".inf", "-.inf", "+.Inf", "nan", "infinity", "1e400", "-1e999"]
    for text in texts + [String(repeating: "9", count: 400)] {
      #expect(NumberForm(text) == .nonFinite, "\(text)")
    }
  }

  @Test(arguments: [
    "", "-", ".", "ten", "1.2.3", "5%", "1e", "--1", "0x", "1 000", "٣", "e5", "_1",
  ])
  func `words are not numbers`(_ text: String) {
    #expect(NumberForm(text) == .notNumber)
  }

  @Test func `a percentage is the nearest share`() {
    // Dividing a rounded number by 100 would round twice.
    #expect(Quantity("0.1%")?.scaled(byTenTo: -2) == 0.001)
    #expect(Quantity("33.3%")?.scaled(byTenTo: -2) == 0.333)
    #expect(Quantity("5M/day") == Quantity("5M/day"))
    #expect(Quantity("017%") == nil)
    #expect(Quantity("%") == nil)
  }

  @Test(arguments: [
    "0%", "5%", "12.5%", "100%", "0.1%", "33.3%", "49.9999999999%", "0.0000001%",
    "99.999999999999%",
  ])
  func `a share is written with the digits that it was read from`(_ text: String) throws {
    let quantity = try #require(Quantity(text))
    let value = try #require(quantity.scaled(byTenTo: -2))
    #expect(try #require(Share(value)).written == text)
    #expect(quantity.keptPercentage == nil)
  }

  @Test(arguments: [
    ("49.999999999999999999999%", "50%"), ("100.0000000000000001%", "100%"),
    ("12.50%", nil), ("50.000%", nil), ("-5%", nil),
    ("101%", nil), ("5pp", nil),
  ])
  func `digits that are not kept are seen`(_ text: String, _ kept: String?) throws {
    let quantity = try #require(Quantity(text))
    #expect(quantity.keptPercentage == kept)
  }

  @Test(arguments: [
    ("0%-49.999999999999999999999%", false), ("0%-100.0000000000000001%", false),
    ("0%-49.9999999999%", true), ("0.0%-50.0%", true),
  ])
  func `a range of more digits than are kept is refused`(_ range: String, _ isSound: Bool) {
    let text = Sample.rollout(
      replacing: "salt: one", with: "salt: one, layer: { name: people, range: \(range) }")
    #expect(Sample.codes(text).contains(.outOfRange) != isSound)
  }

  @Test(arguments: [
    ("step", "steps"), ("canidates", "candidates"), ("maxErorRate", nil),
    ("asignment", "assignment"),
    ("metircs", "metrics"), ("zzz", nil), ("Name", "name"), ("overides", "overrides"),
  ])
  func `the nearest name is suggested when it is near`(_ text: String, _ name: String?) {
    let names = RolloutKey.allCases.map(\.rawValue)
    #expect(NearestName.suggestion(for: text, among: names) == name)
  }

  @Test(arguments: [("", "", 0), ("a", "", 1), ("abc", "acb", 1), ("kitten", "sitting", 3)])
  func `edit distance counts changes and swaps`(_ left: String, _ right: String, _ count: Int) {
    #expect(NearestName.editDistance(left, right) == count)
    #expect(NearestName.editDistance(right, left) == count)
  }
}
