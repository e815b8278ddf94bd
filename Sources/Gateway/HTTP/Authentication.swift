import HTTPTypes
import OpenAIAPI

/// Who asks: a bearer of one of the configured keys, or anybody when none are.
enum Authentication {
  /// - Throws: 401 without a key that is known
  static func check(_ headers: HTTPFields, _ keys: Set<String>?) throws(APIError) {
    guard let keys else { return }
    let scheme = "Bearer "
    guard let value = headers[.authorization], value.hasPrefix(scheme) else {
      throw .unauthenticated("Send your key as 'Authorization: Bearer …'.")
    }
    let shown = Array(value.dropFirst(scheme.count).utf8)
    // Every key is compared in full, so that the time tells nothing of how near a guess was.
    let isKnown = keys.reduce(false) { known, key in
      isEqual(shown, Array(key.utf8)) || known
    }
    guard isKnown else { throw .unauthenticated("This key is not known here.") }
  }

  private static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
