extension PolicyNode {
  /// The name of a variable. What looks like a secret itself is neither accepted nor repeated.
  ///
  /// - Parameters:
  ///   - key: the key that it stands behind
  ///   - example: a name that is well
  func environmentName(_ key: String, example: String, _ log: DiagnosticLog) -> String? {
    guard let scalar = scalar("the name of an environment variable", log) else { return nil }
    let text = scalar.text
    if SecretLine.looksSecret(text) {
      log.report(
        .secretInPolicy, at: position, "\(key) looks like a key, not like a name",
        hint:
          "put the key into the environment, write the variable's name here, and replace the key",
        showsLine: false)
    } else if WordShape.environmentName.matches(text) {
      return text
    } else {
      // The line is not shown: what is no name may be a key of a kind not known here.
      log.report(
        .invalidEnvironmentName, at: position,
        "\(key) must be the name of an environment variable", hint: "write it like \(example)",
        showsLine: false)
    }
    return nil
  }
}
