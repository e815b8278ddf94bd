// What answers must be like.
extension Explanation {
  static let invalidPattern = Explanation(
    "The regular expression cannot be used.",
    because: """
      Patterns are matched in a time that grows with the answer and no faster, whatever the answer
      is, so that they have no references and do not look around. Supported are literals, `.`,
      classes, `\\d`, `\\w`, `\\s`, `\\b`, groups, alternatives, counts, `^`, `$`, and `(?i)` in
      front.
      """,
    .rollout(
      """
      metrics:
        - name: cites
          metric: check
          check: { matches: '(?=\\[)\\d+' }
          role: guardrail
          maxDecrease: 1pp
      """,
      mended: """
        metrics:
          - name: cites
            metric: check
            check: { matches: '\\[\\d+\\]' }
            role: guardrail
            maxDecrease: 1pp
        """))

  static let judgeIsArm = Explanation(
    "The judge is one of the models that it would judge.",
    because: """
      Models prefer answers that they wrote themselves, and those of their own family. A judge that
      takes part in the trial decides it before it begins.
      """,
    .rollout(
      """
      candidates: [smollm2-flash]
      judge: { model: smollm2-flash, rubric: "the answer that is correct" }
      metrics:
        - { name: better, metric: judgePreference, role: guardrail, maxDecrease: 5pp }
      """,
      mended: """
        candidates: [smollm2-flash]
        judge: { model: smollm2-window, rubric: "the answer that is correct" }
        metrics:
          - { name: better, metric: judgePreference, role: guardrail, maxDecrease: 5pp }
        """))
}
