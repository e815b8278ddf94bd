/// How much of an upstream's answer we hold. Fields we do not know are skipped, since every server
/// adds its own; these bounds hold for what is known.
package struct ResponseLimits: Hashable, Sendable {
  /// Of one body or one event's data. Default 4 MiB.
  package var maximumBytes = 4 << 20
  /// Of nested arrays and objects. Default 64.
  package var maximumDepth = 64
  /// Of choices in an answer. Default 128.
  package var maximumChoices = 128
  /// Of choices in a completion, which has `n` for each prompt. Default 16,384.
  package var maximumCompletionChoices = 16_384
  /// Of tool calls in one choice. Default 128.
  package var maximumToolCalls = 128
  /// Of tokens with log probabilities in one choice. Default 1,048,576.
  package var maximumTokens = 1 << 20
  /// Of alternatives to one token. Default 1,024: some servers return more than the API's 20.
  package var maximumAlternatives = 1_024

  /// The defaults.
  package init() {}

  /// The defaults.
  package static let standard = ResponseLimits()

  /// Parses an answer and hands over its members, unless it reports an error.
  func members(of bytes: UnsafeBufferPointer<UInt8>) throws(APIError) -> [JSONObject.Member] {
    let value: JSONValue
    let limits = JSONLimits(
      maximumBytes: maximumBytes, maximumDepth: maximumDepth, acceptsEscapedNUL: true)
    do { value = try JSONValue(parsing: bytes, limits: limits) } catch {
      throw APIError(response: error)
    }
    guard case .object(let object) = value else {
      throw APIError(response: FieldError.type(value, expected: "an object"))
    }
    if let error = APIError(inside: value) { throw error }
    return object.members
  }
}
