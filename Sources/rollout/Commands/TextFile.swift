import Foundation

/// A text from outside.
enum TextFile {
  /// Of one file.
  private static let maximumBytes = 64 << 20

  static func read(_ path: String) throws -> String {
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw CommandFailure(
        .usage, "cannot read \(path)", remedy: "name a text with --text, or run in the project")
    }
    let data = try handle.read(upToCount: maximumBytes + 1) ?? Data()
    guard data.count <= maximumBytes, let text = String(bytes: data, encoding: .utf8) else {
      throw CommandFailure(.usage, "\(path) is not UTF-8 of at most \(maximumBytes) bytes")
    }
    return text
  }
}
