import Foundation
import Testing

@testable import PolicyLanguage

/// Whatever is read, the parser says what it is: a document or a mistake, and never crashes.
///
/// `make fuzz-policies` tries many and times each: `POLICY_FUZZ_CASES` sets the number of inputs,
/// `POLICY_FUZZ_SEED` the first seed.
struct PolicyFuzzTests {
  /// SplitMix64 (Steele, Lea & Flood 2014): the same seed, the same inputs.
  struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var value = state
      value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
      value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
      return value ^ (value >> 31)
    }
  }

  private static let pieces: [String] = [
    "&a ", "*a", "!t ", "<<: ", "---\n", "...\n", "%X\n", "\t", "\"", "'", "[", "]", "{", "}", ",",
    ":",
    ": ", "? ", "- ", "|", ">", "#", " #", "\n", "\r\n", "  ", "\u{85}", "\u{2028}", "\u{F0003}",
    "\0",
    "é", "👩‍👩‍👧",
    "\\", "\\x41", "~", "null", ".nan", "1e400", "017", "1:30", "yes", "%", "pp", "5%",
    "-1",
    "99999999999999999999", "name: x\n", "steps:\n", "@", "`", "=",
  ]

  private static func mutate(_ text: String, with random: inout Generator) -> String {
    var scalars = Array(text.unicodeScalars)
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let place = Int.random(in: 0...scalars.count, using: &random)
      let length = min(Int.random(in: 0...12, using: &random), scalars.count - place)
      let chunk = Array(scalars[place..<(place + length)])
      switch Int.random(in: 0..<5, using: &random) {
      case 0: scalars.removeSubrange(place..<(place + length))
      case 1:
        scalars.insert(contentsOf: chunk, at: Int.random(in: 0...scalars.count, using: &random))
      case 2: scalars.removeSubrange(place...)
      case 3:
        guard let value = Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &random)) else {
          break
        }
        scalars.insert(value, at: place)
      default:
        let piece = pieces.randomElement(using: &random) ?? ""
        scalars.insert(contentsOf: piece.unicodeScalars, at: place)
      }
    }
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  @Test func `every mutation is a document or has a mistake in a place that exists`() throws {
    let environment = ProcessInfo.processInfo.environment
    let count = environment["POLICY_FUZZ_CASES"].flatMap { Int($0) } ?? 4_000
    let first = environment["POLICY_FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
    let valid =
      try Repository.sources(in: Repository.policies)
      + Repository.sources(in: Repository.policies.appending(path: "examples"))
      + [Sample.rollout, Sample.model].map { PolicySource(file: "sample", text: $0) }
    let invalid = try Repository.sources(in: Repository.invalid)
    var documents = 0
    var pace = Pace(isWanted: environment["POLICY_FUZZ_CASES"] != nil)
    for seed in first..<(first + UInt64(count)) {
      var random = Generator(state: seed)
      let seedText = (Bool.random(using: &random) ? valid : invalid).randomElement(using: &random)
      let text = Self.mutate(seedText?.text ?? "", with: &random)
      do {
        try pace.time(seed: seed) { () throws(PolicyErrors) in
          _ = try PolicyParser.parse(PolicySource(file: "fuzz.yaml", text: text))
        }
        documents += 1
      } catch {
        #expect(error.diagnostics.contains { $0.severity == .error }, "seed \(seed)")
        let lines = text.unicodeScalars.count { $0 == "\n" } + 1
        for diagnostic in error.diagnostics {
          #expect((1...lines + 1).contains(diagnostic.line), "seed \(seed): \(diagnostic)")
          #expect(diagnostic.column >= 1, "seed \(seed): \(diagnostic)")
          #expect(!diagnostic.description.contains("\n"), "seed \(seed): \(diagnostic)")
        }
      }
    }
    // Mutations that only touch comments or values leave documents whole: both ways are exercised.
    #expect(documents > count / 100)
    #expect(documents < count)
    pace.report()
  }

  /// How long inputs take, where somebody asked for it: a busy machine must not fail a test.
  private struct Pace {
    var isWanted: Bool
    private var inputs = 0
    private var total = Duration.zero
    private var slowest = (time: Duration.zero, seed: UInt64(0))

    init(isWanted: Bool) { self.isWanted = isWanted }

    mutating func time(
      seed: UInt64, _ parse: () throws(PolicyErrors) -> Void
    ) throws(PolicyErrors) {
      let start = ContinuousClock.now
      defer { note(ContinuousClock.now - start, seed: seed, parse) }
      try parse()
    }

    private mutating func note(
      _ first: Duration, seed: UInt64, _ parse: () throws(PolicyErrors) -> Void
    ) {
      guard isWanted else { return }
      total += first
      inputs += 1
      var time = first
      // Once may be another process's doing, five times in a row is not.
      for _ in 0..<4 where time > PolicyFuzzTests.longest {
        time = min(time, ContinuousClock().measure { try? parse() })
      }
      if time > slowest.time { slowest = (time, seed) }
    }

    func report() {
      guard isWanted else { return }
      #expect(slowest.time < PolicyFuzzTests.longest, "seed \(slowest.seed)")
      let rate = Int(Double(inputs) / (total / .seconds(1)))
      print(
        "policies: \(inputs) inputs, \(rate) a second, the slowest \(slowest.time) of seed",
        slowest.seed)
    }
  }

  /// What one input may take.
  private static let longest = Duration.milliseconds(50)
}
