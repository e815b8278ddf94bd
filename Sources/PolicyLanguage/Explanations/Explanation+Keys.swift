// Keys, and what kind of value stands behind them.
extension Explanation {
  static let duplicateKey = Explanation(
    "A key stands twice in one mapping.",
    because: """
      Readers of YAML silently take the first or the last one. Two bounds for one guardrail is a
      question for the author, not for the parser.
      """,
    .rollout(
      """
      metrics:
        - name: errors
          metric: errorRate
          role: guardrail
          maxIncrease: 1pp
          maxIncrease: 5pp
      """,
      mended: """
        metrics:
          - name: errors
            metric: errorRate
            role: guardrail
            maxIncrease: 1pp
        """))

  static let misplacedKey = Explanation(
    "The key exists, and means nothing where it stands.",
    because: """
      Whoever wrote it expects something to happen that would not. `hold` belongs to steps that ask
      a candidate, `onFail` and `onNoData` to goals and guardrails, `quantile` to times, lengths and
      costs, slices to all but `feedback`, and each kind of attention has keys of its own.
      """,
    .rollout(
      """
      metrics:
        - { name: speed, metric: latency, role: signal, maxIncrease: 10%, onFail: rollBack }
      """,
      mended: """
        metrics:
          - { name: speed, metric: latency, role: guardrail, maxIncrease: 10%, onFail: rollBack }
        """))

  static let missingKey = Explanation(
    "A key that must be there is missing.",
    because: """
      What has no safe default is written down: which model is live, who gets the candidate, what
      the file describes.
      """,
    .model(
      """
      engine:
        attention: { kind: dense }
      """,
      mended: """
        engine:
          weights: model.gguf
          attention: { kind: dense }
        """))

  static let missingValue = Explanation(
    "Nothing stands behind a key.",
    because: """
      Some readers take it for an empty text, others for no value, others for the default. Write the
      value, or remove the key where the default is meant.
      """,
    .rollout("promotion:", mended: "promotion: manual"))

  static let oneOf = Explanation(
    "One of several keys is needed, and none or more than one is there.",
    because: """
      A model runs here or elsewhere, a step is of one kind, a metric has one condition. Two of them
      in one place would need a rule about which counts, and nobody would know it.
      """,
    .rollout(
      """
      steps:
        - canary: { weight: 5% }
          pause: { for: 30m }
      """,
      mended: """
        steps:
          - canary: { weight: 5% }
          - pause: { for: 30m }
        """))

  static let unknownKey = Explanation(
    "The key is not one that this mapping has.",
    because: """
      A misspelt guardrail that is ignored is a guardrail that is not there. Unknown keys are
      refused everywhere; policies/README.md lists those that there are.
      """,
    .rollout(
      "asignment: { unit: user }",
      mended: "assignment: { unit: user }"))

  static let unknownValue = Explanation(
    "The word is not one of those that may stand here.",
    because: "The message lists them. Words are compared exactly, capitals included.",
    .rollout("assignment: { unit: users }", mended: "assignment: { unit: user }"))

  static let wrongKind = Explanation(
    "Another kind of value is expected: a list, a mapping, a text or a number.",
    because: """
      Values are taken as they are written and never converted: one candidate is still a list, and a
      number in quotes is a text.
      """,
    .rollout("candidates: smollm2-flash", mended: "candidates: [smollm2-flash]"))
}
