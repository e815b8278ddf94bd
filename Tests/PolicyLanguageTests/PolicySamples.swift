import Experimentation
import Foundation
import PolicyLanguage

/// The folders of the repository that these tests read.
enum Repository {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static let policies = root.appending(path: "policies")
  static let invalid = root.appending(path: "fixtures/policies/invalid")
  static let valid = root.appending(path: "fixtures/policies/valid")

  /// Files and folders in `folder`, by name.
  static func entries(of folder: URL) throws -> [URL] {
    try FileManager.default.contentsOfDirectory(
      at: folder.resolvingSymlinksInPath(), includingPropertiesForKeys: nil
    )
    .sorted { $0.lastPathComponent < $1.lastPathComponent }
  }

  /// The YAML files in `folder`, named by their last component.
  static func sources(in folder: URL) throws -> [PolicySource] {
    try entries(of: folder).filter { $0.pathExtension == "yaml" }.map(source)
  }

  static func source(_ file: URL) throws -> PolicySource {
    PolicySource(
      file: file.lastPathComponent, text: try String(contentsOf: file, encoding: .utf8))
  }
}

/// Small documents that tests change a line of.
enum Sample {
  static let models = ["smollm2-dense", "smollm2-flash", "smollm2-window"]

  static var knownModels: Set<ModelName> { Set(models.compactMap { ModelName($0) }) }

  static let rollout = """
    apiVersion: rollout/v1
    kind: Rollout
    name: assistant
    route: assistant
    incumbent: smollm2-dense
    candidates: [smollm2-flash]
    assignment: { unit: user, salt: one }
    steps:
      - shadow: { percent: 100 }
        hold: { minSamples: 50, minTime: 5s, maxTime: 24h }
    metrics:
      - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 5pp }
    """

  static let model = """
    apiVersion: rollout/v1
    kind: Model
    name: smollm2-dense
    engine:
      weights: weights.gguf
      attention: { kind: dense }
    """

  static func rollout(replacing line: String, with other: String) -> String {
    rollout.replacingOccurrences(of: line, with: other)
  }

  static func policy(_ text: String) throws -> RolloutPolicy? {
    let source = PolicySource(file: "sample.yaml", text: text)
    return try PolicyParser.parse([source], knownModels: knownModels).rollouts.first
  }

  /// The codes of all mistakes of `text`, or of its warnings when there are none.
  static func codes(_ text: String) -> [DiagnosticCode] {
    do {
      return try PolicyParser.parse(
        [PolicySource(file: "sample.yaml", text: text)], knownModels: knownModels
      ).warnings.map(\.code)
    } catch {
      return error.diagnostics.map(\.code)
    }
  }
}
