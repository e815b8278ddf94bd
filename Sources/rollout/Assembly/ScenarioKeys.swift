import Foundation

// A key that nobody reads would leave the world as it was, and its author would not know.
extension ScenarioFile {
  /// - Throws: `CommandFailure` for the first key that no scenario has, with those that there are.
  static func checkKeys(of data: Data) throws {
    guard let file = try? JSONSerialization.jsonObject(with: data) else { return }
    try check(file, CodingKeys.self, in: "a scenario")
    guard let file = file as? [String: Any] else { return }
    for key in [CodingKeys.incumbent, .candidate, .rival] {
      try check(file[key.rawValue], Truth.CodingKeys.self, in: "'\(key.rawValue)'")
    }
    let change = file[CodingKeys.change.rawValue]
    try check(change, Change.CodingKeys.self, in: "'change'")
    try check(
      (change as? [String: Any])?[Change.CodingKeys.candidate.rawValue], Truth.CodingKeys.self,
      in: "'change.candidate'")
    for incident in file[CodingKeys.incidents.rawValue] as? [Any] ?? [] {
      try check(incident, PlatformIncident.CodingKeys.self, in: "'incidents'")
    }
    for order in file[CodingKeys.orders.rawValue] as? [Any] ?? [] {
      try check(order, Order.CodingKeys.self, in: "'orders'")
    }
  }

  private static func check<Key: RawRepresentable<String> & CaseIterable>(
    _ value: Any?, _ keys: Key.Type, in place: String
  ) throws {
    guard let object = value as? [String: Any] else { return }
    guard let stranger = object.keys.filter({ Key(rawValue: $0) == nil }).min() else { return }
    throw CommandFailure(
      .usage, "'\(stranger.escaped)' is no key of \(place)",
      remedy: "there are: " + keys.allCases.map(\.rawValue).joined(separator: ", "))
  }
}
