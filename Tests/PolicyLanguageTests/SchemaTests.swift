import Experimentation
import Foundation
import Testing

@testable import PolicyLanguage

/// The JSON Schema says what the parser does, as far as a schema can: held against a validator of
/// other people, on policies as an editor reads them.
struct SchemaTests {
  private static let checkedIn = Repository.policies.appending(path: "policy.schema.json")

  /// Mistakes that a schema sees. The others are in how a text is written, in what numbers inside
  /// of texts mean, or in what several places and files say together.
  static let expressible: Set<DiagnosticCode> = [
    .credentialsInURL, .emptyDocument, .invalidDuration, .invalidEnvironmentName, .invalidName,
    .invalidPath, .invalidSHA256, .misplacedKey, .missingKey, .missingMargin, .missingUnit,
    .missingValue, .oneOf, .unknownKey, .unknownValue, .wrongDirection,
    .wrongKind,
  ]

  @Test func `the checked-in schema is what the language says`() throws {
    let text = try PolicySchema.text()
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try text.write(to: Self.checkedIn, atomically: true, encoding: .utf8)
    }
    #expect(try text == String(contentsOf: Self.checkedIn, encoding: .utf8))
  }

  @Test func `policies that the parser takes are taken`() throws {
    let sources =
      try Repository.sources(in: Repository.policies)
      + Repository.sources(in: Repository.policies.appending(path: "examples"))
      + Repository.sources(in: Repository.valid)
    #expect(sources.count > 15)
    let verdicts = try verdicts(on: sources.map(\.text))
    for (source, verdict) in zip(sources, verdicts) {
      #expect(verdict == "accepted", "\(source.file)")
    }
  }

  @Test func `golden mistakes that a schema can see are refused, each code at least once`() throws {
    let sources = try Repository.sources(in: Repository.invalid)
    let pages = DiagnosticCode.allCases.compactMap { code in
      code.explanation.example?.files.last.map { PolicySource(file: code.rawValue, text: $0.text) }
    }
    try compare(sources + pages)
    let seen = Set((sources + pages).flatMap { Self.codes($0.text) })
    #expect(seen.isSuperset(of: Self.expressible), "\(Self.expressible.subtracting(seen))")
  }

  /// `POLICY_SCHEMA_CASES` sets the number of documents, `POLICY_SCHEMA_SEED` which they are.
  @Test func `whatever the schema refuses the parser refuses, and the reverse where it can`() throws
  {
    let environment = ProcessInfo.processInfo.environment
    let count = environment["POLICY_SCHEMA_CASES"].flatMap { Int($0) } ?? 600
    let whole =
      try Repository.sources(in: Repository.valid)
      + Repository.sources(in: Repository.policies.appending(path: "examples"))
    let seed = environment["POLICY_SCHEMA_SEED"].flatMap { UInt64($0) } ?? 7
    var random = PolicyFuzzTests.Generator(state: seed)
    let cases = (0..<count).map { index in
      let text = whole.randomElement(using: &random)?.text ?? ""
      return PolicySource(
        file: "case-\(index).yaml", text: Self.changingValues(of: text, with: &random))
    }
    let isAccepted = cases.count { Self.codes($0.text).isEmpty }
    // Both verdicts are exercised.
    #expect(isAccepted > count / 20 && isAccepted < count * 19 / 20)
    try compare(cases)
  }

  // MARK: Both judges

  private func compare(_ sources: [PolicySource]) throws {
    for (source, verdict) in zip(sources, try verdicts(on: sources.map(\.text))) {
      let codes = Self.codes(source.text)
      if verdict.hasPrefix("refused") {
        #expect(!codes.isEmpty, "\(source.file), \(verdict):\n\(source.text)")
      } else if verdict == "accepted" {
        let missed = codes.intersection(Self.expressible)
        #expect(missed.isEmpty, "\(source.file):\n\(source.text)")
      }
    }
  }

  /// The errors of one file read alone.
  private static func codes(_ text: String) -> Set<DiagnosticCode> {
    do {
      _ = try PolicyParser.parse(PolicySource(file: "a.yaml", text: text))
      return []
    } catch {
      return Set(error.diagnostics.filter { $0.severity == .error }.map(\.code))
    }
  }

  private func verdicts(on texts: [String]) throws -> [String] {
    let cases = try texts.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
    return try PythonScript.verdicts(of: "schema_check.py", [Self.checkedIn.path], on: cases)
  }

  // MARK: Documents

  private static let values = [
    "0", "1", "-1", "5", "17", "64", "65", "1024", "4096", "2000000", "0.05", "0.5", "1.5", "5%",
    "100%", "0%", "5pp", "0.5pp", "5s", "0s", "-0s", "10m", "400d", "1h30m", "5 s", "10min", "~",
    "\"\"", "\"5\"", "\"10m\"", "true", "null", "text", "Text", "\"a b\"", "[]", "[a]", "{}",
    "{ a: b }", "user", "session", "header:x-a", "header:X", "goal", "guardrail", "signal", "info",
    "errorRate", "latency", "tokensPerSecond", "tokenAgreement", "rollBack", "pause", "hold",
    "warn",
    "dense", "flash", "slidingWindow", "blockSparse", "hybrid", "gated", "quest", "moba", "means",
    "none", "yarn", "manual", "automatic", "allowed", "\">= 5\"", "\"5..10\"", "\"10 .. 5\"",
    "\"a=b\"", "[\"a=b\", \"c=d\"]", "[promptTokens]", "{ promptTokens: [0, 5] }", "5M/day",
    "5/day", "http://a/v1",
    "ftp://a", "a/../b", "../a", "/a/b", "A_KEY", "USD", "usd", "{ weight: 5% }", "{ for: 5s }",
    "{ percent: 5 }", "{ team: a }", "{ minSamples: 5 }", "12.5%", "05", "1e3", "-0", "00.5",
    "\"Mon-Thu 09:00-16:00\"", "\"Mon 9-16\"", "Europe/Berlin", "UTC", "\"2026-12-20\"",
    "\"x-a=b\"", "replace", "queue", "[promoted]", "https://a.example.com/b",
  ]

  private static let keys: [String] = Vocabulary.objects.flatMap { object in
    func keys<Key: PolicyKey>(of _: Key.Type) -> [String] { Key.allCases.map(\.rawValue) }
    return keys(of: object)
  }

  /// `text` with one or two of its values or keys replaced, removed or added.
  private static func changingValues(
    of text: String, with random: inout PolicyFuzzTests.Generator
  ) -> String {
    var text = text
    for _ in 0..<Int.random(in: 1...2, using: &random) {
      let pairs = text.matches(of: /([A-Za-z0-9]+):( +)("[^"\n]*"|\[[^\[\]\n]*\]|[^ ,\[\]{}\n#"]+)/)
      guard let pair = pairs.randomElement(using: &random) else { return text }
      let value = values.randomElement(using: &random) ?? ""
      let key = keys.randomElement(using: &random) ?? ""
      switch Int.random(in: 0..<8, using: &random) {
      case 0: text.replaceSubrange(pair.1.startIndex..<pair.1.endIndex, with: key)
      case 1: text.replaceSubrange(pair.3.startIndex..<pair.3.endIndex, with: "")
      case 2: text.replaceSubrange(pair.range, with: "{ \(key): \(value) }")
      default: text.replaceSubrange(pair.3.startIndex..<pair.3.endIndex, with: value)
      }
    }
    return text
  }

  // MARK: Parts

  @Test func `a name has the shape of a name`() {
    let letters = ["a", "Z", "0", ".", "_", "-", "é", " ", "/"]
    var texts = letters.flatMap { first in letters.map { first + $0 } } + letters + [""]
    texts += [1, 62, 63, 64, 65].map { String(repeating: "a", count: $0) }
    for text in texts {
      #expect(WordShape.name.matches(text) == (ModelName(text) != nil), "'\(text)'")
    }
  }

  @Test(arguments: [WordShape.name, .sha256, .currency, .environmentName, .header])
  func `a shape and its pattern agree`(_ shape: WordShape) throws {
    let pattern = try Regex(shape.pattern)
    let letters = ["a", "F", "g", "0", "-", "_", ".", "Z"]
    for length in [1, 2, 3, 4, 63, 64, 65, 128, 129] {
      for first in letters {
        for rest in letters {
          let text = shape.prefix + first + String(repeating: rest, count: length - 1)
          #expect(shape.matches(text) == (text.wholeMatch(of: pattern) != nil), "'\(text)'")
        }
      }
    }
  }

  @Test func `bounds say which ends are inside`() {
    #expect(Bounds(from: 0, to: 100).description == "from 0 to 100")
    #expect(Bounds(above: 0, to: 0.2).description == "above 0 and at most 0.2")
    #expect(Bounds(from: 0, below: 1).description == "from 0 to below 1")
    #expect(!Bounds(above: 0, to: 1).contains(0) && Bounds(above: 0, to: 1).contains(1))
    #expect(!Bounds(from: 0, below: 1).contains(1) && !Bounds(from: 0, to: 1).contains(.nan))
  }
}
