import Foundation

/// The policies of these tests: two variants of the real weights, and one shadow step that a few
/// requests can pass.
enum TestPolicies {
  /// Writes them into `folder` and returns their folder.
  static func write(
    into folder: TemporaryFolder, weights: URL, incumbent: String = "dense",
    candidate: String = "flash", steps: String = shadow,
    onFail: String = "rollBack"
  ) throws -> URL {
    let file = weights.lastPathComponent
    for (name, attention) in [
      ("dense", "{ kind: dense }"), ("flash", "{ kind: flash }"),
    ] {
      try folder.write(
        """
        apiVersion: rollout/v1
        kind: Model
        name: \(name)
        engine: { weights: \(file), attention: \(attention), context: 2048 }

        """, to: "policies/\(name).yaml")
    }
    try folder.write(
      """
      apiVersion: rollout/v1
      kind: Rollout
      name: assistant
      route: assistant
      incumbent: \(incumbent)
      candidates: [\(candidate)]
      assignment: { unit: user, salt: test-1 }
      steps:
      \(steps)
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 40pp, onFail: \(onFail) }
      analysis: { alpha: 0.2, every: 100ms }
      promotion: manual

      """, to: "policies/assistant.yaml")
    return folder.url.appendingPathComponent("policies")
  }

  static let shadow = """
      - shadow: { percent: 100, concurrency: 2 }
        hold: { minSamples: 6, minTime: 0s, maxTime: 1h }
    """

  /// Bodies of requests, one a line, for `rollout replay`.
  static func traffic(_ count: Int) -> String {
    (0..<count).map { number in
      """
      {"model": "assistant", "user": "user-\(number)", "max_tokens": 4, "temperature": 0, \
      "messages": [{"role": "user", "content": "Say the number \(number)."}]}
      """
    }.joined(separator: "\n") + "\n"
  }
}
