/// What of a policy file may be a secret that somebody wrote where a name belongs.
///
/// Mistakes are printed into reviews and the logs of builds, so a line that may hold one is shown
/// by none of them, whatever they are about: a misspelt key is where the secret stands, too.
enum SecretLine {
  private static let prefixes = [
    "sk-", "sk_", "pk-", "hf_", "ghp_", "gho_", "xoxb-", "AKIA", "AIza", "eyJ",
  ]
  /// Beginnings of keys whose values are secrets, in lower case and without '-' and '_'.
  private static let keys = ["apikey", "authorization", "password", "passwd", "secret", "bearer"]

  /// Whether a value looks like a key of an API rather than like the name of one.
  static func looksSecret(_ text: String) -> Bool {
    if prefixes.contains(where: text.hasPrefix) { return !text.dropFirst(4).contains("_") }
    if text.lowercased().hasPrefix("bearer ") { return true }
    let hasDigits = text.contains(where: \.isASCIIDigit)
    let hasLetters = text.contains { $0.isLowercase }
    return text.count >= 20 && hasDigits && hasLetters
  }

  /// Whether a line may hold a secret: a user or a query in a URL, a value that begins like a key
  /// of an API, or one beside a key of that kind that is no name of a variable.
  static func isSuspect(_ line: String) -> Bool {
    let spaced = line.split(whereSeparator: \.isWhitespace)
    if spaced.contains(where: { $0.contains("://") && $0.contains { "@?".contains($0) } }) {
      return true
    }
    let words = line.split { " \t\"',:{}[]*&!".contains($0) }.map(String.init)
    for (index, word) in words.enumerated() {
      if prefixes.contains(where: word.hasPrefix), looksSecret(word) { return true }
      let key = word.lowercased().filter { $0 != "-" && $0 != "_" }
      guard keys.contains(where: key.hasPrefix), words.indices.contains(index + 1) else { continue }
      if !WordShape.environmentName.matches(words[index + 1]) { return true }
    }
    return false
  }
}
