// Steps in which traffic follows a reward.
extension Explanation {
  static let misplacedStep = Explanation(
    "A step that shares traffic out comes after a bandit.",
    because: """
      A bandit ends when it has shown which model is to be taken, and that one alone goes on. A step
      behind it that shares traffic out would give some of it to the models that were found to be
      worse. Grow into a bandit, not out of it.
      """,
    .rollout(
      """
      steps:
        - bandit: { reward: errorRate }
        - canary: { weight: 5% }
      """,
      mended: """
        steps:
          - canary: { weight: 5% }
          - bandit: { reward: errorRate }
        """))
}
