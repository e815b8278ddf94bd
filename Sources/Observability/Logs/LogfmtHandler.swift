package import Logging

package import struct Foundation.Date

/// Log lines for people and machines alike: one event a line, of `key=value` pairs.
///
///     time=2026-01-02T03:04:05.500Z level=info label=gateway message=answered code=200
///
/// A log outlives what it tells of and is read by many, so it never holds what users wrote: values
/// of the keys in `withheldKeys` are replaced, and no value is longer than `maximumValueBytes`.
/// Whoever logs keeps prompts and answers out of messages and other keys.
package struct LogfmtHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?
  package var logLevel: Logger.Level

  private let label: String
  private let destination: LogDestination
  private let now: @Sendable () -> Date

  /// Keys, in lower case, whose value is never written.
  package static let withheldKeys: Set<String> = [
    "prompt", "content", "messages", "completion", "text", "body", "input", "output", "answer",
    "authorization", "cookie", "api_key", "apikey", "token",
  ]

  /// No value or message is longer, in bytes of UTF-8 before escaping; what is cut ends in `…`.
  package static let maximumValueBytes = 512

  /// - Parameters:
  ///   - label: what logs, a module's name
  ///   - logLevel: what is less severe is not written
  ///   - destination: where lines go; shared by all handlers of a process
  ///   - now: the time of day, asked once an event
  package init(
    label: String, logLevel: Logger.Level, destination: LogDestination = .standardError,
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.label = label
    self.logLevel = logLevel
    self.destination = destination
    self.now = now
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes one line: time, level, label, request, message, then everything else by its key.
  package func log(event: LogEvent) {
    var all = metadata
    all.merge(metadataProvider?.get() ?? [:]) { $1 }
    all.merge(event.metadata ?? [:]) { $1 }
    if let error = event.error { all["error"] = .string("\(error)") }
    let requestID = all.removeValue(forKey: Self.requestIDKey)

    var line = LogfmtLine()
    line.append("time", now().formatted(Self.timeFormat))
    line.append("level", event.level.rawValue)
    line.append("label", label)
    if let requestID { line.append("request", requestID.description) }
    line.append("message", event.message.description)
    for (key, value) in all.sorted(by: { $0.key < $1.key }) { line.append(key, value) }
    destination.write(line: line.text)
  }

  private static let timeFormat = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

  /// How Hummingbird names the identifier of a request.
  private static let requestIDKey = "hb.request.id"
}

/// One line under construction.
private struct LogfmtLine {
  private(set) var text = ""

  /// Dictionaries and arrays become dotted keys: `tokens.prompt=12 shadows.0=flash`.
  mutating func append(_ key: String, _ value: Logger.MetadataValue) {
    let name = key.split(separator: ".").last ?? ""
    switch value {
    case _ where LogfmtHandler.withheldKeys.contains(name.lowercased()): append(key, "(withheld)")
    case .dictionary(let pairs):
      for (inner, value) in pairs.sorted(by: { $0.key < $1.key }) {
        append("\(key).\(inner)", value)
      }
    case .array(let values):
      for (index, value) in values.enumerated() { append("\(key).\(index)", value) }
    case .string(let text): append(key, text)
    case .stringConvertible(let value): append(key, "\(value)")
    }
  }

  mutating func append(_ key: String, _ value: String) {
    if !text.isEmpty { text += " " }
    appendKey(key)
    text += "="
    let isBare = !value.isEmpty && value.utf8.allSatisfy(Self.isBare)
    if isBare, value.utf8.count <= LogfmtHandler.maximumValueBytes {
      text += value
    } else {
      appendQuoted(value)
    }
  }

  private mutating func appendKey(_ key: String) {
    for scalar in key.unicodeScalars.prefix(64) {
      text.unicodeScalars.append(scalar.isASCII && Self.isBare(UInt8(scalar.value)) ? scalar : "_")
    }
    if key.isEmpty { text += "_" }
  }

  private mutating func appendQuoted(_ value: String) {
    var byteCount = 0
    text += "\""
    for scalar in value.unicodeScalars {
      byteCount += UTF8.width(scalar)
      if byteCount > LogfmtHandler.maximumValueBytes {
        text += "…"
        break
      }
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case _ where Self.isControl(scalar): text += "\\u{\(String(scalar.value, radix: 16))}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }

  /// What a value may hold without quotation marks.
  private static func isBare(_ byte: UInt8) -> Bool {
    (0x21...0x7e).contains(byte)
      && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "\\")
  }

  /// What ends a line, moves a terminal's cursor, or turns the direction of text around.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
