import Experimentation

/// The page about one kind of mistake: what `rollout explain` prints and code scanners show.
package struct Explanation: Hashable, Sendable {
  /// What is wrong, in one sentence.
  package var summary: String
  /// Why the rule exists, or how to live with it; one paragraph.
  package var reason: String
  /// `nil` where only the file system, or a file too large to be shown, is at fault.
  package var example: Example?

  init(_ summary: String, because reason: String, _ example: Example? = nil) {
    self.summary = summary
    self.reason = reason.split(separator: "\n").joined(separator: " ")
    self.example = example
  }

  /// Lines that are wrong, and the same lines mended. A test reads both.
  package struct Example: Hashable, Sendable {
    package var wrong: String
    package var mended: String
    /// Another file that the lines are read together with.
    package var beside: String?
    private var frame: Frame

    /// What stands around the lines.
    private enum Frame: Hashable, Sendable { case file, model, rollout }
  }
}

extension Explanation.Example {
  /// Whole files.
  static func file(_ wrong: String, mended: String, beside: String? = nil) -> Self {
    Self(wrong: wrong, mended: mended, beside: beside, frame: .file)
  }

  /// The part of a model that says where it runs.
  static func model(_ wrong: String, mended: String) -> Self {
    Self(wrong: wrong, mended: mended, frame: .model)
  }

  /// Parts of a rollout: each key at the beginning of a line stands for that of a usual one.
  static func rollout(_ wrong: String, mended: String, beside: String? = nil) -> Self {
    Self(wrong: wrong, mended: mended, beside: beside, frame: .rollout)
  }

  /// What the parser says about the wrong lines: what is printed under them is what is found.
  package var mistakes: [Diagnostic] { diagnostics(of: wrong) }

  /// The wrong lines with what stands around them, behind what they are read together with.
  var files: [PolicySource] { files(with: wrong) }

  /// Every error and warning of `lines`, in place.
  func diagnostics(of lines: String) -> [Diagnostic] {
    do {
      return try PolicyParser.parse(files(with: lines), knownModels: Self.models).warnings
    } catch {
      return error.diagnostics
    }
  }

  private func files(with lines: String) -> [PolicySource] {
    let source = PolicySource(file: "example.yaml", text: document(with: lines))
    return (beside.map { [PolicySource(file: "beside.yaml", text: $0)] } ?? []) + [source]
  }

  private static let models = Set(
    ["smollm2-dense", "smollm2-flash", "smollm2-window"].compactMap { ModelName($0) })

  private func document(with lines: String) -> String {
    switch frame {
    case .file: return lines
    case .model: return "apiVersion: rollout/v1\nkind: Model\nname: a-model\n" + lines
    case .rollout:
      let keys = Self.sections(of: lines).map(\.key)
      let usual = Self.sections(of: Self.usualRollout).filter { !keys.contains($0.key) }
      return (usual.map(\.text) + [lines]).joined(separator: "\n")
    }
  }

  /// The text, cut before each line that begins with a letter.
  private static func sections(of text: String) -> [(key: Substring, text: String)] {
    var sections: [(key: Substring, text: String)] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.first?.isLetter == true || sections.isEmpty {
        sections.append((line.prefix { $0 != ":" }, String(line)))
      } else {
        sections[sections.count - 1].text += "\n" + line
      }
    }
    return sections
  }

  private static let usualRollout = """
    apiVersion: rollout/v1
    kind: Rollout
    name: assistant
    route: assistant
    incumbent: smollm2-dense
    candidates: [smollm2-flash]
    assignment: { unit: user }
    steps:
      - shadow: { percent: 100 }
        hold: { minSamples: 300, minTime: 10m, maxTime: 24h }
    metrics:
      - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 1pp }
    """
}
