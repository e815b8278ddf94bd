/// A value that is not what its field holds. The path grows on the way out of nested readers; what
/// it costs is paid only when there is a mistake.
struct FieldError: Error, Hashable, Sendable {
  /// OpenAI's codes where it has one.
  enum Code: String, Hashable, Sendable {
    case missing = "missing_required_parameter"
    case unknown = "unknown_parameter"
    case unsupported = "unsupported_parameter"
    case invalidType = "invalid_type"
    case invalidValue = "invalid_value"
    case integerBelow = "integer_below_min_value"
    case integerAbove = "integer_above_max_value"
    case decimalBelow = "decimal_below_min_value"
    case decimalAbove = "decimal_above_max_value"
    case stringTooLong = "string_above_max_length"
    case emptyString = "empty_string"
    case arrayTooLong = "array_above_max_length"
    case emptyArray = "empty_array"
  }

  /// `messages[2].role`; empty for the document itself.
  private(set) var path: String
  let code: Code
  /// What was found and what is allowed, without the place.
  let problem: String

  init(_ code: Code, _ problem: String, path: String = "") {
    self.code = code
    self.problem = problem
    self.path = path
  }

  /// One line that names the field.
  var message: String {
    switch code {
    case .missing: "Missing required parameter: '\(path)'. \(problem)"
    case .unknown: "Unrecognized request argument supplied: '\(path)'. \(problem)"
    case _ where path.isEmpty: "Invalid request: \(problem)"
    default: "Invalid '\(path)': \(problem)"
    }
  }

  /// The same mistake, seen from the object that has the field `key`.
  func inside(_ key: String) -> FieldError {
    var error = self
    let joint = path.isEmpty || path.utf8.first == UInt8(ascii: "[") ? "" : "."
    error.path = key + joint + path
    return error
  }

  /// The same mistake, seen from the array that has it at `index`.
  func inside(_ index: Int) -> FieldError { inside("[\(index)]") }
}

extension FieldError {
  static func missing(_ key: String, _ remedy: String) -> FieldError {
    FieldError(.missing, remedy, path: key)
  }

  static func type(_ found: JSONValue, expected: String) -> FieldError {
    FieldError(.invalidType, "expected \(expected), but got \(found.kind) instead.")
  }

  /// A field that the route does not have, with the nearest one that it has.
  static func unknown(_ key: String, known: [String]) -> FieldError {
    let nearest = nearestName(to: key, among: known).map { "Did you mean '\($0)'?" }
    return FieldError(
      .unknown, nearest ?? "Remove it: this route does not know it.", path: excerpt(key))
  }
}

/// The known name that takes the fewest edits to reach, if that is at most a third of its letters.
func nearestName(to name: String, among known: [String]) -> String? {
  guard name.utf8.count <= 64 else { return nil }
  let distances = known.map { (name: $0, edits: editDistance(name, $0)) }
  guard let best = distances.min(by: { $0.edits < $1.edits }) else { return nil }
  return best.edits <= max(1, best.name.utf8.count / 3) ? best.name : nil
}

/// Insertions, deletions and substitutions of bytes between two names (Wagner–Fischer).
private func editDistance(_ one: String, _ other: String) -> Int {
  let columns = Array(other.utf8)
  var row = Array(0...columns.count)
  for (line, byte) in one.utf8.enumerated() {
    var diagonal = row[0]
    row[0] = line + 1
    for (column, against) in columns.enumerated() {
      let substituted = diagonal + (byte == against ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(substituted, diagonal + 1, row[column] + 1)
    }
  }
  return row[columns.count]
}
