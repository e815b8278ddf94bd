// What a rollout says as a whole, and what files say together.
extension Explanation {
  static let ambiguousPromotion = Explanation(
    "Several candidates, and promotion by itself: it is not said which.",
    because: """
      When two candidates pass every gate, choosing one is a decision that nobody wrote down. Let a
      person promote, or write one rollout for each candidate.
      """,
    .rollout(
      "candidates: [smollm2-flash, smollm2-window]\npromotion: automatic",
      mended: "candidates: [smollm2-flash, smollm2-window]\npromotion: manual"))

  static let incumbentIsCandidate = Explanation(
    "A candidate is the incumbent.",
    because: "A model compared with itself shows nothing, and there would be nothing to promote.",
    .rollout("candidates: [smollm2-dense]", mended: "candidates: [smollm2-flash]"))

  static let invalidSlices = Explanation(
    "Traffic cannot be cut into these parts.",
    because: """
      `slices` cuts by the length of prompts, at edges that grow; each part is a gate of its own and
      counted when verdicts are guarded against chance. For a label write a metric of its own with
      `where`.
      """,
    .rollout(
      """
      metrics:
        - name: speed
          metric: latency
          role: guardrail
          slices: { promptTokens: [0, 1024, 256] }
          maxIncrease: 10%
      """,
      mended: """
        metrics:
          - name: speed
            metric: latency
            role: guardrail
            slices: { promptTokens: [0, 256, 1024] }
            maxIncrease: 10%
        """))

  static let missingMargin = Explanation(
    "The metric does not say what is to be shown.",
    because: """
      "Not worse" without a margin can never be shown by any number of samples, and a goal without
      an amount is met by chance. Say how much loss is tolerated or how much gain is wanted.
      """,
    .rollout(
      """
      metrics:
        - { name: errors, metric: errorRate, role: guardrail }
      """,
      mended: """
        metrics:
          - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 1pp }
        """))

  static let missingWeight = Explanation(
    "A split has no weight for one of the models.",
    because: """
      Incumbent and candidates are compared on what each of them answered. A model without a part
      would never be measured, and its gates never reached.
      """,
    .rollout(
      """
      steps:
        - split: { weights: { smollm2-dense: 100% } }
      """,
      mended: """
        steps:
          - split: { weights: { smollm2-dense: 50%, smollm2-flash: 50% } }
        """))

  static let repeatedCandidate = Explanation(
    "A candidate is named twice.",
    because:
      "It would get two parts of the traffic under one name. Probably another one was meant.",
    .rollout(
      "candidates: [smollm2-flash, smollm2-flash]", mended: "candidates: [smollm2-flash]"))

  static let repeatedName = Explanation(
    "Two metrics have one name.",
    because: """
      The journal, the console and the refusal of a promotion name a gate by it. Two gates under one
      name cannot be told apart where it counts.
      """,
    .rollout(
      """
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 1pp }
        - { name: errors, metric: latency, role: guardrail, maxIncrease: 10% }
      """,
      mended: """
        metrics:
          - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 1pp }
          - { name: speed, metric: latency, role: guardrail, maxIncrease: 10% }
        """))

  static let timesOutOfOrder = Explanation(
    "Two times contradict each other.",
    because: """
      A step that ends before it may pass never passes, and a part of a request cannot take longer
      than the whole. One of the two was meant otherwise.
      """,
    .rollout(
      """
      steps:
        - canary: { weight: 5% }
          hold: { minTime: 2h, maxTime: 1h }
      """,
      mended: """
        steps:
          - canary: { weight: 5% }
            hold: { minTime: 1h, maxTime: 2h }
        """))

  static let unmeasurableGate = Explanation(
    "No step measures what a gate looks at.",
    because: """
      The gate would be without data for ever and hold the rollout. Agreement is measured between
      two answers to one prompt, which only a shadow step has; what users say only where they are
      shown a candidate's answers, in canary and split steps; everything else where a candidate is
      asked.
      """,
    .rollout(
      """
      steps:
        - canary: { weight: 5% }
      metrics:
        - { name: fidelity, metric: tokenAgreement, role: guardrail, margin: 0.02 }
      """,
      mended: """
        steps:
          - shadow: { percent: 100 }
          - canary: { weight: 5% }
        metrics:
          - { name: fidelity, metric: tokenAgreement, role: guardrail, margin: 0.02 }
        """))

  static let unprovenPromotion = Explanation(
    "Promotion by itself, and no goal or guardrail that would have to be shown first.",
    because: """
      The model would be put into production because time has passed. Automatic promotion needs
      something that stops it.
      """,
    .rollout(
      """
      promotion: automatic
      metrics:
        - { name: errors, metric: errorRate, role: info }
      """,
      mended: """
        promotion: automatic
        metrics:
          - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 1pp }
        """))

  static let unreachableGate = Explanation(
    "No candidate could ever pass this gate.",
    because: """
      An interval around "no difference" always reaches to both sides of it, so a margin of 0 is
      never shown by a model that is just as good; and nothing agrees with the incumbent better
      than the incumbent. A preference is a share of votes and is held against one half, so that no
      share is 50 points above it. A gate that pauses without data needs steps with a `minTime`, or
      none outlives its first look. A schema that requires a key and forbids it fails every answer
      of every model.
      """,
    .rollout(
      """
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 0pp }
      """,
      mended: """
        metrics:
          - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 0.5pp }
        """))

  static let weightsSum = Explanation(
    "The weights of a split do not sum to 100%.",
    because: """
      Scaling them would give models other parts than the file says; filling up would have to guess
      whose part grows.
      """,
    .rollout(
      """
      steps:
        - split: { weights: { smollm2-dense: 50%, smollm2-flash: 40% } }
      """,
      mended: """
        steps:
          - split: { weights: { smollm2-dense: 60%, smollm2-flash: 40% } }
        """))

  static let wrongDirection = Explanation(
    "The condition points the wrong way.",
    because: """
      Of errors and times less is better: a loss is an increase, a gain a decrease. Of speed and
      agreement more is better. A goal has a gain, a guardrail a loss.
      """,
    .rollout(
      """
      metrics:
        - { name: speed, metric: latency, role: guardrail, maxDecrease: 10% }
      """,
      mended: """
        metrics:
          - { name: speed, metric: latency, role: guardrail, maxIncrease: 10% }
        """))

  static let duplicateName = Explanation(
    "Two files describe a model, or a rollout, of the same name.",
    because: """
      Names are how everything else refers to them, so each is used once in all files that are read
      together.
      """,
    .file(
      """
      apiVersion: rollout/v1
      kind: Model
      name: chat
      engine: { weights: model.gguf, attention: { kind: flash } }
      """,
      mended: """
        apiVersion: rollout/v1
        kind: Model
        name: chat-flash
        engine: { weights: model.gguf, attention: { kind: flash } }
        """, beside: chat))

  static let routeTaken = Explanation(
    "Two rollouts are for one route.",
    because: """
      Each would move the same requests, and what one measures would be what the other does. One
      route has one rollout at a time; several candidates may share it.
      """,
    .rollout(
      "route: chat", mended: "route: assistant",
      beside: """
        apiVersion: rollout/v1
        kind: Rollout
        name: chat
        route: chat
        incumbent: smollm2-dense
        candidates: [smollm2-window]
        assignment: { unit: user }
        steps: [ { canary: { weight: 5% } } ]
        metrics:
          - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 1pp }
        """))

  static let unknownModel = Explanation(
    "No model has that name.",
    because: """
      Every model of a rollout is described by a file of `kind: Model` that is read together with
      it, or is known to the service already. A split may name only the models of its own rollout.
      """,
    .rollout("candidates: [smollm2-flsh]", mended: "candidates: [smollm2-flash]"))

  fileprivate static let chat = """
    apiVersion: rollout/v1
    kind: Model
    name: chat
    engine: { weights: model.gguf, attention: { kind: dense } }
    """
}
