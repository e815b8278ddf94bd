extension Explanation {
  /// For terminals, at most 80 columns wide but for the examples, which are indented.
  package var plainText: String {
    var parts = [Self.wrapped(reason)]
    if let example {
      if let beside = example.beside { parts += ["Beside this file:", Self.indented(beside)] }
      parts += ["Wrong:", Self.indented(example.wrong)]
      parts += ["rollout check says:"]
      parts += example.mistakes.map { Self.indented(Self.wrapped($0.statement, width: 76)) }
      parts += ["Right:", Self.indented(example.mended)]
    }
    return parts.map(Self.visible).joined(separator: "\n\n")
  }

  /// The reason and the example in Markdown.
  package var markdown: String {
    var parts = [reason]
    if let example {
      if let beside = example.beside { parts += ["Beside this file:", Self.fenced(beside)] }
      parts += ["Wrong:", Self.fenced(example.wrong), "Right:", Self.fenced(example.mended)]
    }
    return parts.map(Self.visible).joined(separator: "\n\n")
  }

  private static func indented(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "" : "    " + $0 }.joined(separator: "\n")
  }

  private static func fenced(_ text: String) -> String { "```yaml\n\(text)\n```" }

  private static func wrapped(_ text: String, width: Int = 80) -> String {
    var lines = [""]
    for word in text.split(separator: " ") {
      let line = lines[lines.count - 1]
      if line.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if line.count + 1 + word.count <= width {
        lines[lines.count - 1] += " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines.joined(separator: "\n")
  }

  /// A page about characters that cannot be seen must show them.
  private static func visible(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      scalar.isForbiddenInPolicy
        ? "<U+\(String(scalar.value, radix: 16, uppercase: true))>" : String(scalar)
    }
    .joined()
  }
}
