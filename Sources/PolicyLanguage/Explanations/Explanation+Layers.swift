// Rollouts that share units out among them.
extension Explanation {
  static let layerOverlap = Explanation(
    "Two rollouts have units of one layer in common.",
    because: """
      A layer keeps rollouts of several routes apart: what one does to a user cannot be what another
      measures. Units in both ranges would be in both. A range holds its beginning and not its end,
      so that `0%-50%` and `50%-100%` have none in common. Rollouts that may meet need no layer:
      their salts deal users independently.
      """,
    .rollout(
      "assignment: { unit: user, layer: { name: people, range: 40%-100% } }",
      mended: "assignment: { unit: user, layer: { name: people, range: 50%-100% } }",
      beside: """
        apiVersion: rollout/v1
        kind: Rollout
        name: chat
        route: chat
        incumbent: smollm2-dense
        candidates: [smollm2-window]
        assignment: { unit: user, layer: { name: people, range: 0%-50% } }
        steps: [ { canary: { weight: 5% } } ]
        metrics:
          - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 1pp }
        """))

  static let layerUnits = Explanation(
    "Rollouts of one layer have different assignment units.",
    because: """
      A unit's place in a layer is a hash of its name. A user and a session are two names, so that
      the session of a user who is in one rollout may well be in the other. All rollouts of a layer
      name the same unit.
      """,
    .rollout(
      "assignment: { unit: session, layer: { name: people, range: 50%-100% } }",
      mended: "assignment: { unit: user, layer: { name: people, range: 50%-100% } }",
      beside: """
        apiVersion: rollout/v1
        kind: Rollout
        name: chat
        route: chat
        incumbent: smollm2-dense
        candidates: [smollm2-window]
        assignment: { unit: user, layer: { name: people, range: 0%-50% } }
        steps: [ { canary: { weight: 5% } } ]
        metrics:
          - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 1pp }
        """))
}
