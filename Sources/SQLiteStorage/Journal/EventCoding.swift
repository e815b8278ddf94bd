import Experimentation
import Foundation

/// The JSON in which events are kept: keys sorted, no spaces, numbers shortest.
///
/// `fixtures/journal` holds one of each, so that a change of the encoding is seen. One that old
/// entries cannot be read with needs a new version, and code that reads both.
enum EventCoding {
  static let version = 1

  static func text(of event: JournalEvent) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Bounds may be infinite while there is little data. A decision to take traffic back must not
    // fail for that.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "+infinity", negativeInfinity: "-infinity", nan: "nan")
    return String(decoding: try encoder.encode(event), as: UTF8.self)
  }

  static func event(from text: String) throws -> JournalEvent {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "+infinity", negativeInfinity: "-infinity", nan: "nan")
    return try decoder.decode(JournalEvent.self, from: Data(text.utf8))
  }
}
