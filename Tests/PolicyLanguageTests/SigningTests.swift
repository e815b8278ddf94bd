import Experimentation
import Foundation
import Testing

@testable import PolicyLanguage

/// Policies that somebody answers for, and what is not taken.
struct SigningTests {
  let key = PolicySigningKey()
  let now: Int64 = 1_800_000_000_000

  private func policies(_ rollout: String = Sample.rollout) throws -> PolicySet {
    try PolicyParser.parse(
      [
        PolicySource(file: "a.yaml", text: rollout),
        PolicySource(file: "m.yaml", text: Sample.model),
      ], knownModels: Sample.knownModels)
  }

  private func signature(
    of policies: PolicySet, for audience: String? = nil, as set: String? = nil, revision: Int = 7,
    seconds: Int64 = 60
  ) throws -> PolicySignature {
    let signature = try PolicySignature(
      of: policies, by: key, for: audience, as: set, revision: revision,
      expiresAtMilliseconds: now + seconds * 1_000)
    // As it comes back from a file.
    return try JSONDecoder().decode(
      PolicySignature.self, from: try JSONEncoder().encode(signature))
  }

  private func refusal(
    _ policies: PolicySet, _ signature: PolicySignature?, trust: PolicyTrust? = nil,
    at: Int64? = nil
  ) -> String? {
    let trust = trust ?? PolicyTrust(keys: [key.publicKey], acceptsUnsigned: false)
    do {
      _ = try trust.seal(of: policies, signature, now: at ?? now)
      return nil
    } catch {
      return error.message
    }
  }

  @Test func `what was signed is taken, with comments and layout as they come`() throws {
    let signature = try signature(of: policies())
    let other = try policies(
      "# Another comment.\n" + Sample.rollout.replacing("one", with: "'one'"))
    let trust = PolicyTrust(keys: [PolicySigningKey().publicKey, key.publicKey])
    let seal = try #require(try trust.seal(of: other, signature, now: now))
    #expect(seal.key == key.publicKey.id)
    #expect(seal.revision == 7)
    #expect(seal.expiresAtMilliseconds == now + 60_000)
  }

  @Test func `a document that was changed, added or left out is named`() throws {
    let whole = try policies()
    let signature = try signature(of: whole)
    let changed = try policies(Sample.rollout.replacing("5pp", with: "6pp"))
    #expect(
      refusal(changed, signature)
        == "the signature is over other policies: rollout 'assistant' was changed after it was "
        + "signed")
    var less = whole
    less.models = []
    #expect(refusal(less, signature)?.hasSuffix("model 'smollm2-dense' is missing") == true)
    var more = whole
    more.models.append(
      ModelSpecification(
        name: try #require(ModelName("x")), backend: more.models[0].backend, digest: "d"))
    #expect(refusal(more, signature)?.hasSuffix("model 'x' was not signed") == true)
    var twice = whole
    twice.models.append(twice.models[0])
    #expect(refusal(twice, signature)?.hasSuffix("a document is in it twice") == true)
  }

  @Test func `every field of a signature is signed`() throws {
    let policies = try policies()
    let good = try signature(of: policies)
    #expect(refusal(policies, good) == nil)
    let edits: [(inout PolicySignature) -> Void] = [
      { $0.revision += 1 }, { $0.audience = "production" }, { $0.set = "search" },
      { $0.expires = "2099-01-01T00:00:00Z" },
      { $0.documents.swapAt(0, 1) }, { $0.signature = Data(count: 64).base64EncodedString() },
      { $0.signature = "no base64" }, { $0.signature = "" },
    ]
    for edit in edits {
      var bad = good
      edit(&bad)
      #expect(refusal(policies, bad)?.hasPrefix("the signature is wrong") == true)
    }
    var other = good
    other.format = "rollout-policies/2"
    #expect(refusal(policies, other)?.contains("format") == true)
  }

  /// Written out here, so that a signature of an earlier version stays one.
  @Test func `what is signed is this text`() throws {
    let policies = try policies()
    var signature = try signature(of: policies)
    let documents = signature.documents.map {
      #"{"digest":"\#($0.digest)","kind":"\#($0.kind)","name":"\#($0.name)"}"#
    }
    func sign(_ more: (String, String) = ("", "")) throws {
      let text =
        #"{\#(more.0)"documents":[\#(documents.joined(separator: ","))],"#
        + #""expires":"\#(signature.expires)","format":"rollout-policies/1","#
        + #""key":"\#(key.publicKey.id)","revision":7\#(more.1)}"#
      signature.signature = Data(try key.signature(over: Array(text.utf8))).base64EncodedString()
    }
    try sign()
    #expect(refusal(policies, signature) == nil)
    (signature.audience, signature.set) = ("production", "search")
    #expect(refusal(policies, signature)?.hasPrefix("the signature is wrong") == true)
    try sign((#""audience":"production","#, #","set":"search""#))
    let trust = PolicyTrust(keys: [key.publicKey], audience: "production")
    #expect(try trust.seal(of: policies, signature, now: now)?.set == "search")
  }

  @Test(
    arguments: [
      (nil, "staging", "for the service 'staging', and this is one without a name"),
      ("production", "staging", "for the service 'staging', and this is 'production'"),
      ("production", nil, "for no service, and this is 'production'"),
    ] as [(String?, String?, String)])
  func `a signature for another service is refused`(
    _ service: String?, _ audience: String?, _ said: String
  ) throws {
    let policies = try policies()
    let trust = PolicyTrust(keys: [key.publicKey], acceptsUnsigned: true, audience: service)
    let signature = try signature(of: policies, for: audience)
    let refusal = #expect(throws: PolicyTrust.Refusal.self) {
      try trust.seal(of: policies, signature, now: now)
    }
    #expect(refusal?.message == "the signature is \(said)")
    #expect(refusal?.isOfAudience == true)
    let own = try self.signature(of: policies, for: service)
    #expect(try trust.seal(of: policies, own, now: now) != nil)
  }

  @Test func `it expires to the second`() throws {
    let policies = try policies()
    let signature = try signature(of: policies)
    #expect(refusal(policies, signature, at: now + 59_999) == nil)
    #expect(refusal(policies, signature, at: now + 60_000)?.contains("expired") == true)
  }

  @Test func `a key that nobody trusts, and policies that nobody signed`() throws {
    let policies = try policies()
    let signature = try signature(of: policies)
    let strangers = PolicyTrust(keys: [PolicySigningKey().publicKey])
    #expect(refusal(policies, signature, trust: strangers)?.contains("nobody here trusts") == true)
    // Even where none is needed: a wrong one is a mistake, or worse.
    #expect(refusal(policies, signature, trust: PolicyTrust()) != nil)
    #expect(refusal(policies, nil, trust: PolicyTrust()) == nil)
    #expect(refusal(policies, nil)?.contains("are not signed") == true)
  }

  /// The keys of RFC 8032, section 7.1, test 1, in the form in which openssl has them.
  @Test func `keys are those of the standards`() throws {
    let secret = try #require(PolicySigningKey(pem: Self.rfc8032(secret: true)))
    let open = try #require(PolicyVerifyingKey(pem: Self.rfc8032(secret: false)))
    #expect(secret.publicKey.pem == open.pem)
    #expect(secret.pem == Self.rfc8032(secret: true))
    let message = Array("policies".utf8)
    #expect(open.accepts(try secret.signature(over: message), over: message))
    for text in ["", "x", open.pem + secret.pem, open.pem.replacing("PUBLIC", with: "PRIVATE")] {
      #expect(PolicySigningKey(pem: text) == nil)
    }
    #expect(PolicyVerifyingKey(pem: secret.pem) == nil)
  }

  private static func rfc8032(secret: Bool) -> String {
    let hex =
      secret
      ? "302e020100300506032b657004220420"
        + "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
      : "302a300506032b6570032100"
        + "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    let bytes = stride(from: 0, to: hex.count, by: 2).compactMap { place in
      UInt8(hex.dropFirst(place).prefix(2), radix: 16)
    }
    return PEM.text(secret ? "PRIVATE KEY" : "PUBLIC KEY", bytes)
  }
}
