import Crypto
import Experimentation
import OpenAIAPI

/// Gives out and checks tokens by which whoever has an answer may rate it, without a key of the API
/// and without the service remembering the answer.
///
/// A token is what it says, sealed: in base64url, twelve bytes of nonce, then the claim under
/// ChaCha20-Poly1305 (RFC 8439). Whoever holds one can rate that one answer, until it expires, and
/// read nothing of it: not who gave it, and of an interleaved answer not whose choice stands where.
/// Its length does not tell either, see ``FeedbackClaim/padded``.
///
/// The nonce is a keyed hash of the claim: two claims that differ have the same one with a chance
/// of 2⁻⁹⁶, however bad the system's randomness is, and one claim has one token.
package struct FeedbackTokens: Sendable {
  private let sealing: SymmetricKey
  private let naming: SymmetricKey
  /// Of tokens as they were before they were sealed, which are good until they expire.
  private let signing: SymmetricKey

  /// For the time that people come back to a conversation.
  static let lifetimeMilliseconds: Int64 = 7 * 86_400_000

  private static let purpose = "rollout-feedback-2"
  private static let signedPurpose = Array("rollout-feedback-1\n".utf8)
  private static let nonceBytes = 12
  private static let tagBytes = 16

  /// Bytes of a key.
  package static let keyBytes = 32

  /// - Parameter key: `keyBytes` bytes that nobody else knows; others are refused with `nil`
  package init?(key: [UInt8]) {
    guard key.count == Self.keyBytes else { return nil }
    signing = SymmetricKey(data: key)
    sealing = Self.derived(from: signing, for: "seal")
    naming = Self.derived(from: signing, for: "nonce")
  }

  /// A key of its own for each use (HKDF, RFC 5869), so that one file is enough.
  private static func derived(from key: SymmetricKey, for use: String) -> SymmetricKey {
    HKDF<SHA256>.deriveKey(
      inputKeyMaterial: key, info: Array("\(purpose) \(use)".utf8), outputByteCount: keyBytes)
  }

  /// A fresh key.
  package static func makeKey() -> [UInt8] {
    SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
  }

  /// The token of an answer to a request; `nil` where it could not be sealed, which no claim is
  /// known to bring about.
  func token(of request: AnsweredRequest) -> String? {
    let claim = Array(FeedbackClaim(request, lifetime: Self.lifetimeMilliseconds).padded.utf8)
    let name = HMAC<SHA256>.authenticationCode(for: claim, using: naming)
    guard let nonce = try? ChaChaPoly.Nonce(data: Array(name.prefix(Self.nonceBytes))),
      let sealed = try? ChaChaPoly.seal(
        claim, using: sealing, nonce: nonce, authenticating: Array(Self.purpose.utf8))
    else { return nil }
    return Base64.url.encode(sealed.combined)
  }

  /// What a token says.
  ///
  /// - Parameter now: milliseconds since 1970
  /// - Throws: 401 for one that was not given out with this key, 410 for one that has expired
  func request(of token: String, at now: Int64) throws(APIError) -> AnsweredRequest {
    guard let text = opened(token) ?? signedText(token), let claim = FeedbackClaim(text) else {
      throw Self.invalid
    }
    guard now < claim.expiresAtMilliseconds else {
      throw .gone(
        "This token has expired: an answer can be rated for "
          + "\(Self.lifetimeMilliseconds / 86_400_000) days.", code: "feedback_token_expired")
    }
    return claim.request
  }

  /// The claim of a sealed token; `nil` for anything that was not sealed with this key.
  private func opened(_ token: String) -> String? {
    guard let bytes = Base64.url.decode(token.utf8),
      bytes.count >= Self.nonceBytes + Self.tagBytes,
      let box = try? ChaChaPoly.SealedBox(combined: bytes),
      let claim = try? ChaChaPoly.open(
        box, using: sealing, authenticating: Array(Self.purpose.utf8))
    else { return nil }
    return String(decoding: claim, as: UTF8.self)
  }

  /// The claim of a token from before they were sealed: `payload.signature`, HMAC-SHA256
  /// (RFC 2104). None is given out any more, and the last ones expire a week after.
  private func signedText(_ token: String) -> String? {
    let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 2, let payload = Base64.url.decode(parts[0]),
      let signature = Base64.url.decode(parts[1]),
      // Compared in full, so that the time tells nothing of how near a guess was.
      HMAC<SHA256>.isValidAuthenticationCode(
        signature, authenticating: Self.signedPurpose + payload, using: signing)
    else { return nil }
    return String(decoding: payload, as: UTF8.self)
  }

  static let invalid = APIError.unauthenticated(
    "This token was not given out here; send x-rollout-feedback-token of the answer as it came.",
    code: "invalid_feedback_token")
}

/// What a token says, as words with a space between: request, route, model, when it was assigned,
/// when the token expires, hash of the unit, propensity (`-` for none), and inside of a rollout its
/// name, run, step and digest, and of a bandit step the allocation when it is not the first. None
/// of them can hold a space.
struct FeedbackClaim: Hashable {
  var request: AnsweredRequest
  var expiresAtMilliseconds: Int64

  init(_ request: AnsweredRequest, lifetime: Int64) {
    self.request = request
    expiresAtMilliseconds = request.assignment.atMilliseconds + lifetime
  }

  var text: String {
    let assignment = request.assignment
    var words = [
      request.requestID, assignment.route.text, request.model.text,
      "\(assignment.atMilliseconds)", "\(expiresAtMilliseconds)",
      String(assignment.unitHash, radix: 16), assignment.propensity.map { "\($0)" } ?? "-",
    ]
    if let position = assignment.rollout {
      words += [
        position.rollout.text, "\(position.run)", "\(position.step)", position.digest,
      ]
      if position.allocation > 0 { words.append("\(position.allocation)") }
    }
    if !request.choices.isEmpty {
      words.append(Self.choicesPrefix + request.choices.map(\.text).joined(separator: ","))
    }
    return words.joined(separator: " ")
  }

  /// The text with blanks behind it, so that its length tells nothing of which models are in it:
  /// each name counts as if it had the ``nameBytes`` of a long one, and the whole is a multiple of
  /// ``padding`` bytes, which also hides how a share is spelled.
  var padded: String {
    let text = text
    let names = [request.model] + request.choices
    let length = names.reduce(text.utf8.count) { max($0, $0 + Self.nameBytes - $1.text.utf8.count) }
    let whole = (length + Self.padding - 1) / Self.padding * Self.padding
    return text + String(repeating: " ", count: whole - text.utf8.count)
  }

  static let nameBytes = 63
  static let padding = 64

  /// Reads what `text` or `padded` wrote; `nil` for anything else.
  init?(_ text: String) {
    let end = text.lastIndex { $0 != " " }.map(text.index(after:)) ?? text.startIndex
    var words = text[..<end].split(separator: " ", omittingEmptySubsequences: false)
    var choices: [ModelName] = []
    if words.count > 7, let last = words.last, last.hasPrefix(Self.choicesPrefix) {
      words.removeLast()
      for name in last.dropFirst(Self.choicesPrefix.count)
        .split(separator: ",", omittingEmptySubsequences: false)
      {
        guard let author = ModelName(name) else { return nil }
        choices.append(author)
      }
    }
    guard words.count == 7 || (11...12).contains(words.count), !words[0].isEmpty,
      let route = RouteName(words[1]), let model = ModelName(words[2]), let at = Int64(words[3]),
      let expires = Int64(words[4]), let unitHash = UInt64(words[5], radix: 16)
    else { return nil }
    let propensity = Double(words[6])
    guard words[6] == "-" || propensity.map({ $0 > 0 && $0 <= 1 }) == true else { return nil }
    var position: RolloutPosition?
    if words.count > 7 {
      let allocation = words.count == 12 ? Int(words[11]) : 0
      guard let name = RolloutName(words[7]), let run = Int(words[8]), run >= 1,
        let step = Int(words[9]), step >= 0, let allocation, allocation >= 0
      else { return nil }
      position = RolloutPosition(
        rollout: name, digest: String(words[10]), step: step, run: run, allocation: allocation)
    }
    request = AnsweredRequest(
      requestID: String(words[0]),
      assignment: Assignment(
        route: route, rollout: position, unitHash: unitHash, propensity: propensity,
        atMilliseconds: at),
      model: model)
    request.choices = choices
    expiresAtMilliseconds = expires
  }

  /// Begins a word that no digest and no number begins with.
  private static let choicesPrefix = "choices:"
}
