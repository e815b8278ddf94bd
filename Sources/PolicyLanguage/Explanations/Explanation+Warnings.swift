// What is allowed and probably not meant.
extension Explanation {
  static let dropRollsBack = Explanation(
    "A gate drops the only candidate.",
    because: """
      `drop` has the candidate leave whose gate fails, and the others go on. Where there is no other
      the rollout has nothing left to find out and is taken back, as with `onFail: rollBack`; say
      that, or name the candidates that are to go on.
      """,
    .rollout(
      """
      candidates: [smollm2-flash]
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 1pp, onFail: drop }
      """,
      mended: """
        candidates: [smollm2-flash, smollm2-window]
        metrics:
          - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 1pp, onFail: drop }
        """))

  static let mayNotScore = Explanation(
    "A gate looks at scores of text, and a model is behind a server that is not asked for any.",
    because: """
      tokenAgreement, klDivergence and answerPerplexity ask both models what they hold of the
      incumbent's answer. Few servers can score a given text: vLLM does, and rollout itself, with
      'prompt_logprobs'. Where the model's document does not say 'scoring: { logprobs: 20 }' the
      server is not asked; then the metric has no data and its gate holds the rollout. With it,
      klDivergence is a lower bound. prefixAgreement compares two answers and needs no scores.
      """,
    .rollout(
      """
      candidates: [chat-7b]
      metrics:
        - { name: fidelity, metric: tokenAgreement, role: guardrail, margin: 0.02 }
      """,
      mended: """
        candidates: [chat-7b]
        metrics:
          - { name: fidelity, metric: prefixAgreement, role: guardrail, margin: 0.2 }
        """,
      beside: """
        apiVersion: rollout/v1
        kind: Model
        name: chat-7b
        upstream: { url: "http://vllm:8000/v1", model: acme/chat-7b }
        """))

  static let nothingToShow = Explanation(
    "There is no goal and no guardrail.",
    because: """
      Every step passes as soon as its hold is over, whatever the candidate does. That may be meant,
      for a look around; the promotion is a person's then.
      """,
    .rollout(
      """
      metrics:
        - { name: errors, metric: errorRate, role: info }
      """,
      mended: """
        metrics:
          - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 1pp }
        """))

  static let selectionCoversContext = Explanation(
    "The keys that a position may see are as many as the context is long.",
    because: """
      Nothing is left out, so the model answers like `flash` and pays for choosing. Choose fewer
      keys, or measure `flash`.
      """,
    .model(
      """
      engine:
        weights: model.gguf
        attention: { kind: hybrid, keys: 8192 }
        context: 8192
      """,
      mended: """
        engine:
          weights: model.gguf
          attention: { kind: hybrid, keys: 1024 }
          context: 8192
        """))

  static let urlWithoutPath = Explanation(
    "The URL ends before a path.",
    because: """
      Most servers answer below `/v1`; without it every request would be for a page that is not
      there. Some answer at the root: then this is right as it is.
      """,
    .model(
      "upstream: { url: \"http://vllm:8000\", model: chat-7b }",
      mended: "upstream: { url: \"http://vllm:8000/v1\", model: chat-7b }"))

  static let weightDecreases = Explanation(
    "A canary's weight falls from one step to the next.",
    because: """
      Users who were given the candidate go back to the incumbent: they notice two changes instead
      of one, and what was measured about them ends. To go back, a rollout is rolled back.
      """,
    .rollout(
      """
      steps:
        - canary: { weight: 25% }
        - canary: { weight: 5% }
      """,
      mended: """
        steps:
          - canary: { weight: 5% }
          - canary: { weight: 25% }
        """))

  static let windowCoversContext = Explanation(
    "The window is as long as the context.",
    because: """
      Nothing is left out, so the model answers like `flash`. Choose a shorter window, a longer
      context, or `flash`.
      """,
    .model(
      """
      engine:
        weights: model.gguf
        attention: { kind: slidingWindow, window: 1024, sinks: 4 }
        context: 1024
      """,
      mended: """
        engine:
          weights: model.gguf
          attention: { kind: slidingWindow, window: 1024, sinks: 4 }
          context: 8192
        """))
}
