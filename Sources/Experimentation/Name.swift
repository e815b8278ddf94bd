/// A name that people and machines share: of a model, a route or a rollout.
///
/// One to 63 characters, lower-case letters, digits, `.`, `_` and `-`, starting with a letter or a
/// digit. So a name is safe in a header, a URL, a file name and a metric label.
package struct Name<Kind>: Hashable, Sendable, Comparable {
  /// The name as written.
  package let text: String

  /// Takes `text` if it is a valid name, else `nil`.
  package init?(_ text: some StringProtocol) {
    let utf8 = text.utf8
    guard let first = utf8.first, utf8.count <= 63, Self.isAlphanumeric(first),
      utf8.allSatisfy({ Self.isAlphanumeric($0) || Self.separators.contains($0) })
    else { return nil }
    self.text = String(text)
  }

  /// A name that stands in the source.
  init(trusted text: StaticString) { self.text = text.description }

  private static var separators: [UInt8] {
    [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")]
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  package static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

extension Name: CustomStringConvertible {
  package var description: String { text }
}

extension Name: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let name = Name(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not a valid name")
    }
    self = name
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

extension Name: CodingKeyRepresentable {
  package var codingKey: any CodingKey { text.codingKey }

  package init?(codingKey: some CodingKey) { self.init(codingKey.stringValue) }
}

/// Marks names of models.
package enum ModelKind {}
/// Marks names of routes.
package enum RouteKind {}
/// Marks names of rollouts.
package enum RolloutKind {}
/// Marks names of layers.
package enum LayerKind {}

/// What a policy calls one model: weights with an attention variant, or a server elsewhere.
package typealias ModelName = Name<ModelKind>
/// The `model` that clients ask for.
package typealias RouteName = Name<RouteKind>
/// What a policy calls one rollout.
package typealias RolloutName = Name<RolloutKind>
/// Under which rollouts of several routes share units out among them.
package typealias LayerName = Name<LayerKind>
