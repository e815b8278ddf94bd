import Experimentation
import HTTPTypes
import Routing
import Statistics

/// What of a request stays on one model.
enum RoutingKey {
  /// The header that names a session.
  static let sessionHeader = "x-rollout-session"
  /// Longest value that is looked at; beyond, the request is a unit of its own.
  private static let maximumBytes = 512

  /// The assignment unit of a request on `table`.
  ///
  /// A request that lacks what the policy asks for (no `user`, no such header) is a unit of its
  /// own, so it is routed with the same shares, but not sticky.
  static func unit(
    of table: RouteTable, user: String?, headers: HTTPFields, draw: String
  ) -> AssignmentUnit {
    let key: String? =
      switch table.unit {
      case .user: user
      case .session: header(sessionHeader, in: headers)
      case .request: nil
      case .header(let name): header(name, in: headers)
      }
    guard let key, !key.isEmpty, key.utf8.count <= maximumBytes else {
      return AssignmentUnit(id: "request/\(draw)")
    }
    return AssignmentUnit(id: key)
  }

  /// What is stored of a unit: 64 bits from which nobody reads the unit back without the salt and a
  /// guess at it.
  static func hash(_ unit: AssignmentUnit, salt: String) -> UInt64 {
    StableHash.hash(salt: "\(salt)/unit", unit: unit.id)
  }

  static func header(_ name: String, in headers: HTTPFields) -> String? {
    guard let name = HTTPField.Name(name) else { return nil }
    return headers[name]
  }
}
