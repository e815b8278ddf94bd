import HTTPTypes
import Hummingbird

/// What a request is called in answers, logs and the store.
enum RequestID {
  private static let header = HTTPField.Name("x-request-id")

  /// The client's own name for it when that is 1 to 128 visible ASCII characters, else a fresh one.
  static func of(_ request: Request, fallback: () -> String) -> String {
    guard let header, let value = request.headers[header], (1...128).contains(value.utf8.count),
      value.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return fallback() }
    return value
  }
}
