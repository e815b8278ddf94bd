/// Where files are, for tools that show mistakes beside the text: below the root of a checkout.
///
/// Paths are compared as they are written, `.` and `..` resolved; links are not followed.
package struct ReportRoot: Hashable, Sendable {
  private let root: [Substring]
  private let workingFolder: [Substring]

  /// - Parameters:
  ///   - workingFolder: absolute; what relative paths begin at.
  ///   - root: absolute; the checkout. The working folder when `nil` or empty.
  package init(workingFolder: String, root: String? = nil) {
    self.workingFolder = Self.parts(of: workingFolder, below: [])
    let root = root.map { Self.parts(of: $0, below: []) } ?? []
    self.root = root.isEmpty ? self.workingFolder : root
  }

  /// The path from the root to `file`, or `nil` when it lies elsewhere.
  package func relative(_ file: String) -> String? {
    let parts = parts(of: file)
    guard parts.starts(with: root), parts.count > root.count else { return nil }
    return parts.dropFirst(root.count).joined(separator: "/")
  }

  /// The whole path of `file`.
  package func absolute(_ file: String) -> String { "/" + parts(of: file).joined(separator: "/") }

  private func parts(of file: String) -> [Substring] {
    Self.parts(of: file, below: file.hasPrefix("/") ? [] : workingFolder)
  }

  private static func parts(of path: String, below folder: [Substring]) -> [Substring] {
    path.split(separator: "/").reduce(into: folder) { parts, part in
      switch part {
      case ".": break
      case "..": _ = parts.popLast()
      default: parts.append(part)
      }
    }
  }
}
