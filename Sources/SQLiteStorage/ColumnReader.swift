import Experimentation
import GRDB
import Storage

/// Reads a row's columns in the order in which they were selected.
struct ColumnReader {
  private let row: Row
  private var index = 0

  init(_ row: Row) { self.row = row }

  /// The next column as a value of the wanted type, an optional one where NULL may stand; throws
  /// what GRDB does when it is none.
  mutating func next<Value: DatabaseValueConvertible & StatementColumnConvertible>() throws -> Value
  {
    defer { index += 1 }
    return try row.decode(Value.self, atIndex: index)
  }
}

extension ColumnReader {
  mutating func nextName<Kind>() throws -> Name<Kind> {
    let text: String = try next()
    return try Self.name(text)
  }

  mutating func nextName<Kind>() throws -> Name<Kind>? {
    let text: String? = try next()
    return try text.map(Self.name)
  }

  mutating func nextFailure() throws -> FailureClass? {
    let text: String? = try next()
    return try text.map { text in
      guard let failure = FailureClass(rawValue: text) else {
        throw StorageError(.corrupt, "'\(text)' is no class of failures")
      }
      return failure
    }
  }

  static func name<Kind>(_ text: String) throws -> Name<Kind> {
    guard let name = Name<Kind>(text) else {
      throw StorageError(.corrupt, "'\(text)' is no name")
    }
    return name
  }
}
