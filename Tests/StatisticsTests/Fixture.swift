import Foundation
import Testing

/// Files in `fixtures/statistics`, whose README says where each comes from.
enum Fixture {
  static func text(_ name: String) throws -> String {
    let root = URL(filePath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try String(
      contentsOf: root.appending(path: "fixtures/statistics/\(name)"),
      encoding: .utf8
    )
  }

  static func decode<Value: Decodable>(_ type: Value.Type, from name: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(text(name).utf8))
  }
}

/// |a − b| ≤ absolute + relative · |b|: the one way in which these tests compare numbers.
func isClose(
  _ value: Double,
  _ reference: Double,
  relative: Double = 0,
  absolute: Double = 0
) -> Bool {
  abs(value - reference) <= absolute + relative * abs(reference)
}
