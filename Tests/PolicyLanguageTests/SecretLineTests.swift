import Testing

@testable import PolicyLanguage

/// Whatever is wrong on a line that may hold a secret, the line is not printed.
struct SecretLineTests {
  @Test(arguments: [
    "upstream: { url: \"http://h/v1\", model: m, apiKey: sk-hunter2 }",
    "upstream: { url: \"http://h/v1\", model: m, apiKeyEnvv: sk-hunter2 }",
    "upstream: { url: \"http://h/v1\", model: m, apiKeyEnv: \"sk-hunter2 }",
    "upstream: { uurl: \"http://user:hunter2@h/v1\", model: m }",
    "upstream: { url: [\"http://user:hunter2@h/v1\"], model: m }",
    "upstream: { url: \"http://user:hunter2@h/v1, model: m }",
    "upstream: { url: \"http://h/v1?api_key=hunter2\", model: m }",
    "upstream: { url: \"http://h/v1\", model: m, headers: { Authorization: Bearer hunter2 } }",
    "upstream: { url: \"http://h/v1\", model: m, apiKeyEnv: *sk-hunter2 }",
    "upstream: { url: \"http://h/v1\", model: m, password: hunter2 }",
  ])
  func `a secret is printed by no mistake on its line`(line: String) {
    let text = "apiVersion: rollout/v1\nkind: Model\nname: m\n\(line)\n"
    let error = #expect(throws: PolicyErrors.self) {
      try PolicyParser.parse(PolicySource(file: "m.yaml", text: text))
    }
    let printed = error?.diagnostics.map { $0.rendered }.joined(separator: "\n") ?? ""
    #expect(printed.contains("m.yaml:4:"), "\(printed)")
    #expect(!printed.contains("hunter2"), "\(printed)")
  }

  @Test(arguments: [
    "upstream: { url: \"http://h/v1\", model: m, apiKeyEnv: CHAT_7B_KEY }",
    "  - { name: errors, metric: errorRate, role: guardrail, maxIncrease: 0.5pp }",
    "    - shadow: { percent: 10%, tokenBudget: 5M/day }",
  ])
  func `a line without a secret is shown`(line: String) {
    #expect(!SecretLine.isSuspect(line))
  }
}
