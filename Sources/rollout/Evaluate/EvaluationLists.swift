import ArgumentParser
import Evaluation

/// Lists that `rollout evaluate` takes, as the command line spells them: `a,b,c`.
enum EvaluationLists {
  private static let limit = 16

  /// `perplexity,passkey`
  static func suites(_ text: String) throws -> [EvaluationSuite] {
    let names = EvaluationSuite.allCases.map(\.rawValue).joined(separator: ", ")
    return try list(text) { word in
      guard let suite = EvaluationSuite(rawValue: word) else {
        throw ValidationError("there is no suite '\(word.escaped)'; there are \(names)")
      }
      return suite
    }
  }

  /// `0,25,50` in percent of the text, as shares.
  static func depths(_ text: String) throws -> [Double] {
    try list(text) { word in
      guard let percent = Double(word), (0...100).contains(percent) else {
        throw ValidationError(
          "a depth is a percentage of the text, 0 to 100 and without a sign behind it, not "
            + "'\(word.escaped)'")
      }
      return percent / 100
    }
  }

  /// `5pp` as a share.
  static func loss(_ text: String) throws -> Double {
    guard text.hasSuffix("pp"), let points = Double(text.dropLast(2)), (0..<100).contains(points)
    else {
      throw ValidationError("a loss is written in points, such as 5pp, from 0pp to below 100pp")
    }
    return points / 100
  }

  private static func list<Value: Hashable>(
    _ text: String, _ read: (String) throws -> Value
  ) throws -> [Value] {
    let words = text.split(separator: ",", omittingEmptySubsequences: false)
    guard words.count <= limit else { throw ValidationError("at most \(limit) can be named") }
    let values = try words.map { try read(String($0)) }
    guard Set(values).count == values.count else { throw ValidationError("one is named twice") }
    return values
  }
}

/// Lengths in tokens, as the command line spells them: `2048,4k`.
struct SequenceLengths: ExpressibleByArgument {
  var counts: [Int]

  init(counts: [Int]) { self.counts = counts }

  init?(argument: String) {
    let counts = argument.split(separator: ",", omittingEmptySubsequences: false).map {
      word -> Int? in
      let isThousands = word.last == "k"
      guard let number = Int(isThousands ? word.dropLast() : word), (1...1_048_576).contains(number)
      else { return nil }
      let count = isThousands ? number * 1_024 : number
      return (2...1_048_576).contains(count) ? count : nil
    }
    guard counts.allSatisfy({ $0 != nil }), (1...16).contains(counts.count) else { return nil }
    // `1k,1024` is one length.
    var seen: Set<Int> = []
    self.counts = counts.compactMap { $0 }.filter { seen.insert($0).inserted }
  }

  var defaultValueDescription: String { counts.map(String.init).joined(separator: ",") }
}

extension VariantSpelling: ExpressibleByArgument {
  /// A spelling that is none is told with its reason when the variants are made.
  package init?(argument: String) {
    do { try self.init(argument) } catch {
      Output.writeError("error: \(error.message.escaped)\n")
      return nil
    }
  }
}
