/// Words that may not stand in the code of some files.
private struct Ban: Sendable {
  /// What is banned; before and after each there is no letter, digit or `_`.
  let words: [String]
  let remedy: String

  /// The folders it holds for, and those within them that it does not hold for.
  var folders = ["Sources/"]
  var exceptions: [String] = []
}

extension Rule {
  static let bans: [Rule] = [
    Ban(
      words: ["Task {", "Task(", "Task.detached", "Task<"],
      remedy: "make it a child of a task group, or the `run()` of a service"),
    Ban(
      words: ["Date()", "Date.now"], remedy: "take the time as a parameter",
      exceptions: edges + ["Sources/Observability/Logs/"]),
    Ban(
      words: [
        "SystemRandomNumberGenerator", "randomElement()", "shuffled()", "shuffle()",
        "Bool.random()",
      ],
      remedy: "take the generator as a parameter (`using:`)", exceptions: edges),
    Ban(
      words: ["try!", "fatalError"],
      remedy: "throw the module's error, or `try #require` in a test",
      folders: ["Sources/", "Tests/"]),
    Ban(
      words: ["print(", "debugPrint(", "dump("], remedy: "log it, or return it",
      exceptions: edges),
  ].map { ban in
    Rule(name: "no " + ban.words.map { "`\($0)`" }.joined(separator: ", ")) { file in
      file.occurrences(of: ban)
    }
  }

  /// Where the world comes in: the one place that puts clocks, randomness and output together.
  private static let edges = ["Sources/rollout/"]

  /// SwiftNIO ends the process where a body that was collected is then watched for the client's
  /// leaving.
  static let collectThenConsume = Rule(name: "no watching of a collected body") { file in
    let code = file.code
    return file.functions.compactMap { function in
      let lines = function.lines
      guard let collects = lines.first(where: { code[$0].has(".collect(upTo") }),
        let consumes = lines.first(where: {
          code[$0].has("consumeWithCancellationOnInboundClose")
        }),
        collects <= consumes
      else { return nil }
      return file.finding(
        consumes + 1, "`consumeWithCancellationOnInboundClose` of a body that was collected",
        "`var request = request; try await request.collectBody(upTo:)`, then use `request.body`")
    }
  }

  static let reasonForUnchecked = Rule(name: "what is unchecked has its reason above it") { file in
    file.code.indices.compactMap { index in
      let line = file.code[index]
      guard let word = ["@unchecked Sendable", "nonisolated(unsafe)"].first(where: line.has),
        file.isSwift,
        !file.hasComment(above: file.startOfRun(of: word, endingAt: index))
      else { return nil }
      return file.finding(
        index + 1, "`\(word)` without a reason",
        "say in a comment above it what keeps it safe, or hold the state in a `Mutex`")
    }
  }

  static let unfinished = Rule(name: "nothing is left for later") { file in
    file.comments.indices.compactMap { index in
      guard let word = ["TODO", "FIXME", "XXX"].first(where: { file.comments[index].hasWord($0) })
      else { return nil }
      return file.finding(index + 1, "`\(word)`", "do it, or open an issue and leave the word out")
    }
  }
}

extension SourceFile {
  fileprivate func occurrences(of ban: Ban) -> [Finding] {
    guard isSwift, ban.folders.contains(where: path.hasPrefix),
      !ban.exceptions.contains(where: path.hasPrefix)
    else { return [] }
    return code.indices.flatMap { index in
      ban.words.filter { code[index].hasWord($0) }
        .map { finding(index + 1, "`\($0)`", ban.remedy) }
    }
  }

  /// The first of the lines in a row, up to `index`, that each hold `word`: one reason stands for
  /// all of them.
  fileprivate func startOfRun(of word: String, endingAt index: Int) -> Int {
    var start = index
    while start > 0, code[start - 1].has(word) { start -= 1 }
    return start
  }

  /// Whether the lines above, but for attributes, end in a comment.
  func hasComment(above index: Int, where holds: (Substring) -> Bool = { _ in true }) -> Bool {
    let above = lines[..<index].reversed().lazy.map { $0.drop { $0 == " " } }
    guard let nearest = above.first(where: { !$0.hasPrefix("@") }) else { return false }
    return nearest.hasPrefix("//") && holds(nearest)
  }
}
