// Single values.
extension Explanation {
  static let ambiguousNumber = Explanation(
    "Readers disagree about which number this is.",
    because: """
      YAML 1.1 takes `017` for 15, `1:30` for 90 and `1_000` for 1000; other readers do not. A
      threshold must be the same number to everybody, so numbers are decimal digits, with at most a
      point among them.
      """,
    .rollout("analysis: { alpha: .05 }", mended: "analysis: { alpha: 0.05 }"))

  static let ambiguousText = Explanation(
    "Some readers take this text for a truth value, a number or nothing.",
    because: """
      `no` is false to YAML 1.1 and a text to YAML 1.2; `1.10` loses its zero in most tools. Quotes
      make it a text to all of them.
      """,
    .rollout(
      "assignment: { unit: user, salt: 1.10 }", mended: "assignment: { unit: user, salt: \"1.10\" }"
    ))

  static let credentialsInURL = Explanation(
    "The URL has a user or a password in it.",
    because: """
      Policies are kept in a repository and shown in reviews, logs and the console. Name the
      environment variable that holds the key; the line is not repeated in any message. If the file
      was ever pushed, replace the password.
      """,
    .model(
      "upstream: { url: \"http://admin:hunter2@vllm:8000/v1\", model: chat-7b }",
      mended: "upstream: { url: \"http://vllm:8000/v1\", model: chat-7b, apiKeyEnv: CHAT_7B_KEY }"))

  static let invalidCondition = Explanation(
    "The condition cannot be read.",
    because: """
      A condition on a length is a comparison with one number or a range with both ends inside; one
      on a label is `key=value`, as in the request's `metadata`, and one on a header likewise.
      """,
    .rollout(
      """
      metrics:
        - name: long
          metric: latency
          role: guardrail
          where: { promptTokens: "about 2048" }
          maxIncrease: 10%
      """,
      mended: """
        metrics:
          - name: long
            metric: latency
            role: guardrail
            where: { promptTokens: "1024..4095" }
            maxIncrease: 10%
        """))

  static let invalidDuration = Explanation(
    "The duration cannot be read.",
    because: """
      A duration is a number with one unit of ms, s, m, h, d. Two units in one (`1h30m`) are not
      read: write `90m`.
      """,
    .rollout(
      """
      steps:
        - pause: { for: 1h30m }
        - canary: { weight: 5% }
      """,
      mended: """
        steps:
          - pause: { for: 90m }
          - canary: { weight: 5% }
        """))

  static let invalidEnvironmentName = Explanation(
    "This cannot be the name of an environment variable.",
    because: """
      A name has capitals, digits and `_`, and does not begin with a digit. The line is not
      repeated, because what is no name may well be a key.
      """,
    .model(
      "upstream: { url: \"http://vllm:8000/v1\", model: chat-7b, apiKeyEnv: my-key }",
      mended: "upstream: { url: \"http://vllm:8000/v1\", model: chat-7b, apiKeyEnv: MY_KEY }"))

  static let invalidHeader = Explanation(
    "Requests cannot be told apart by this header.",
    because: """
      Names of headers are written in lower case, as HTTP/2 sends them. Headers that carry a secret
      are refused: as units their values would be kept, hashed, beside what was measured, and as
      conditions they would stand in the policy.
      """,
    .rollout(
      "assignment: { unit: \"header:X-Tenant\" }",
      mended: "assignment: { unit: \"header:x-tenant\" }"))

  static let invalidName = Explanation(
    "This is no name of a model, a rollout, a route or a metric.",
    because: """
      Names stand in URLs, in labels of metrics and on command lines, where nothing of theirs should
      need quotes: 1 to 63 of a-z, 0-9, `.`, `_` and `-`, the first a letter or a digit.
      """,
    .rollout("route: My Assistant", mended: "route: my-assistant"))

  static let invalidPath = Explanation(
    "The path has `..` in it.",
    because: """
      Weights are looked up in the service's model folder. A path that climbs out of it would mean
      another file on another machine. An absolute path is allowed, and says so.
      """,
    .model(
      "engine: { weights: ../secret/model.gguf, attention: { kind: dense } }",
      mended: "engine: { weights: model.gguf, attention: { kind: dense } }"))

  static let invalidSHA256 = Explanation(
    "This is no SHA-256: 64 lower-case hexadecimal digits.",
    because: """
      The digest ties what was measured to the weights that it was measured with, so it is compared
      digit by digit. `sha256sum FILE` prints it.
      """,
    .model(
      """
      engine:
        weights: model.gguf
        sha256: b179c9523d0e
        attention: { kind: dense }
      """,
      mended: """
        engine:
          weights: model.gguf
          sha256: b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
          attention: { kind: dense }
        """))

  static let invalidURL = Explanation(
    "This is no base URL of a server.",
    because: """
      The paths of OpenAI's protocol are added to it, so it has a scheme, `http` or `https`, a host
      and mostly `/v1`, but no `?`, no `#` and no `..`.
      """,
    .model(
      "upstream: { url: \"vllm:8000/v1\", model: chat-7b }",
      mended: "upstream: { url: \"http://vllm:8000/v1\", model: chat-7b }"))

  static let missingUnit = Explanation(
    "The number has no unit.",
    because: """
      5 could be percent, percentage points, seconds or minutes; reviewer and author would each be
      sure. Durations have ms, s, m, h or d, percentages `%`, differences of shares `pp`.
      """,
    .rollout(
      """
      steps:
        - canary: { weight: 5 }
      """,
      mended: """
        steps:
          - canary: { weight: 5% }
        """))

  static let nonFiniteNumber = Explanation(
    "The number is infinite, not a number, or too large to be one.",
    because: """
      Every comparison with NaN is false: a guardrail with such a bound can never fail. An infinite
      one cannot either.
      """,
    .rollout("analysis: { alpha: .nan }", mended: "analysis: { alpha: 0.05 }"))

  static let outOfRange = Explanation(
    "The value is outside of what is allowed, or a list has too few or too many items.",
    because: """
      The bounds are where a value stops making sense or starts costing the service too much; the
      message names them. A percentage of more digits than a number of 64 bits has would be kept as
      another one.
      """,
    .rollout(
      """
      steps:
        - shadow: { percent: 100, concurrency: 200 }
      """,
      mended: """
        steps:
          - shadow: { percent: 100, concurrency: 4 }
        """))

  static let secretInPolicy = Explanation(
    "A key stands where the name of a variable belongs.",
    because: """
      Policies are kept in a repository and shown in reviews, logs and the console. Put the key into
      the environment of the service and its variable's name here. Replace the key: it has been in a
      file. No message repeats the line.
      """,
    .model(
      "upstream: { url: \"http://vllm:8000/v1\", model: chat-7b, apiKeyEnv: sk-proj-4f9aK2 }",
      mended: "upstream: { url: \"http://vllm:8000/v1\", model: chat-7b, apiKeyEnv: CHAT_7B_KEY }"))

  static let wrongUnit = Explanation(
    "The unit does not fit what it measures.",
    because: """
      Shares differ by percentage points (`pp`) of all answers. Errors, which are rare, may differ
      by percent of the incumbent's, too, from 10% on: 5 % of 0.2 % would be next to nothing.
      Quantities, such as latency, differ by percent of the incumbent's value. Budgets are tokens a
      day.
      """,
    .rollout(
      """
      metrics:
        - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 5% }
      """,
      mended: """
        metrics:
          - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 0.5pp }
        """))
}
