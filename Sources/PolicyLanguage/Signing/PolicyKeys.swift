import Crypto
import Foundation

/// A key that signs policies: Ed25519 (RFC 8032), kept as PKCS #8 in PEM (RFC 8410), as
/// `openssl genpkey -algorithm ed25519` makes it.
package struct PolicySigningKey: Sendable {
  private let key: Curve25519.Signing.PrivateKey

  /// What stands before the 32 bytes of a private key in PKCS #8.
  private static let prefix: [UInt8] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
  ]

  /// A fresh key.
  package init() { key = Curve25519.Signing.PrivateKey() }

  /// Reads a PEM file's text; `nil` for anything but one Ed25519 private key.
  package init?(pem: String) {
    guard let der = PEM.bytes(of: "PRIVATE KEY", in: pem), der.starts(with: Self.prefix),
      let key = try? Curve25519.Signing.PrivateKey(
        rawRepresentation: der.dropFirst(Self.prefix.count))
    else { return nil }
    self.key = key
  }

  package var pem: String { PEM.text("PRIVATE KEY", Self.prefix + Array(key.rawRepresentation)) }

  package var publicKey: PolicyVerifyingKey { PolicyVerifyingKey(key.publicKey) }

  func signature(over message: [UInt8]) throws -> [UInt8] {
    Array(try key.signature(for: message))
  }
}

/// The public half: whoever has it can tell who signed, and sign nothing.
package struct PolicyVerifyingKey: Sendable {
  private let key: Curve25519.Signing.PublicKey

  /// What stands before the 32 bytes of a public key in a SubjectPublicKeyInfo.
  private static let prefix: [UInt8] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
  ]

  fileprivate init(_ key: Curve25519.Signing.PublicKey) { self.key = key }

  /// Reads a PEM file's text; `nil` for anything but one Ed25519 public key.
  package init?(pem: String) {
    guard let der = PEM.bytes(of: "PUBLIC KEY", in: pem), der.starts(with: Self.prefix),
      let key = try? Curve25519.Signing.PublicKey(
        rawRepresentation: der.dropFirst(Self.prefix.count))
    else { return nil }
    self.key = key
  }

  package var pem: String { PEM.text("PUBLIC KEY", Self.prefix + Array(key.rawRepresentation)) }

  /// The first 16 hexadecimal digits of the SHA-256 of its 32 bytes: enough to tell keys apart.
  package var id: String {
    SHA256.hash(data: key.rawRepresentation).prefix(8)
      .map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }

  func accepts(_ signature: [UInt8], over message: [UInt8]) -> Bool {
    key.isValidSignature(signature, for: message)
  }
}

/// Bytes between two lines that say what they are (RFC 7468).
enum PEM {
  static func text(_ label: String, _ bytes: [UInt8]) -> String {
    "-----BEGIN \(label)-----\n\(Data(bytes).base64EncodedString())\n-----END \(label)-----\n"
  }

  /// `nil` unless `text` is one block with that label, and white space.
  static func bytes(of label: String, in text: String) -> [UInt8]? {
    let lines = text.split(whereSeparator: \.isNewline)
      .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
    guard lines.first == "-----BEGIN \(label)-----", lines.last == "-----END \(label)-----",
      lines.count > 2, let data = Data(base64Encoded: lines.dropFirst().dropLast().joined())
    else { return nil }
    return Array(data)
  }
}
