import Experimentation
import Foundation

/// Who is counted by `rollout plan --units`: a file of units, one a line.
///
/// A line is a unit as requests name it, whole, without its end; empty lines are passed over, and a
/// unit that is there twice is one. A blank or an invisible character at an end of a line would
/// make it another unit than the one that is meant, so such a line is refused, not guessed at.
enum UnitFile {
  /// Of a file: some millions of users.
  private static let maximumBytes = 256 << 20

  static func read(_ path: String) throws(CommandFailure) -> [AssignmentUnit] {
    guard let handle = FileHandle(forReadingAtPath: path),
      let data = try? handle.read(upToCount: maximumBytes + 1),
      data.count <= maximumBytes, let text = String(validating: data, as: UTF8.self)
    else {
      throw CommandFailure(
        .usage, "\(path) is no file of UTF-8 with at most \(maximumBytes >> 20) MiB")
    }
    var units: Set<Substring> = []
    for (index, line) in text.split(
      omittingEmptySubsequences: false, whereSeparator: \.isNewline
    ).enumerated() where !line.isEmpty {
      guard hasFirmEnds(line) else {
        throw CommandFailure(
          .usage, "\(path):\(index + 1): a blank or an invisible character stands at an end",
          remedy: "a line is a unit as requests name it, whole: take out what is around it")
      }
      units.insert(line)
    }
    guard !units.isEmpty else { throw CommandFailure(.usage, "\(path) names nobody") }
    return units.map { AssignmentUnit(id: String($0)) }
  }

  private static func hasFirmEnds(_ line: Substring) -> Bool {
    [line.unicodeScalars.first, line.unicodeScalars.last].allSatisfy { scalar in
      guard let properties = scalar?.properties else { return true }
      return !properties.isWhitespace
        && ![.control, .format].contains(properties.generalCategory)
    }
  }
}
