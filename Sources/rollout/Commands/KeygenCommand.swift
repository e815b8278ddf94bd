import ArgumentParser
import Foundation
import PolicyLanguage

/// `rollout keygen`: a key that signs policies.
struct KeygenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keygen",
    abstract: "Make a key that signs policies.",
    discussion: """
      Writes an Ed25519 key in two files: NAME.pem, which signs and must stay secret, and \
      NAME.pub.pem, which services are started with (`rollout serve --trust NAME.pub.pem`). Both \
      are PEM as openssl reads and makes it. A file that is there already is left alone.

      EXAMPLE:
        rollout keygen release
      """)

  @Argument(help: "What the files are called, without an ending.")
  var name: String

  func run() throws {
    let key = PolicySigningKey()
    let (secret, open) = ("\(name).pem", "\(name).pub.pem")
    for path in [secret, open] where FileManager.default.fileExists(atPath: path) {
      throw CommandFailure(
        .refused, "\(path) is there already", remedy: "choose another name, or move it away")
    }
    try write(key.pem, to: secret, permissions: 0o600)
    try write(key.publicKey.pem, to: open, permissions: 0o644)
    Output.write(
      "\(secret) signs, \(open) is for `rollout serve --trust`: key \(key.publicKey.id)\n")
  }

  private func write(_ text: String, to path: String, permissions: Int) throws {
    // With its permissions from the start: there is no moment in which others may read it.
    guard
      FileManager.default.createFile(
        atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: permissions])
    else { throw CommandFailure(.failed, "cannot write \(path)") }
  }
}
