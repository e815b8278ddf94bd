import Foundation

/// The checkout that these tests were built from.
struct Repository {
  let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent()

  /// Files below `folder` whose names end in one of `extensions`, read, in order of their paths.
  ///
  /// Folders whose names begin with a dot are left out.
  func files(in folder: String, extensions: Set<String>) throws -> [SourceFile] {
    try paths(in: folder).filter { extensions.contains(URL(filePath: $0).pathExtension) }
      .map { SourceFile(path: $0, text: try text($0)) }
  }

  /// Every file below `folder`, from the root, sorted; empty where there is no such folder.
  func paths(in folder: String) -> [String] {
    let start = root.appending(path: folder)
    let keys: [URLResourceKey] = [.isRegularFileKey]
    guard
      let walk = FileManager.default.enumerator(
        at: start, includingPropertiesForKeys: keys, options: [.skipsHiddenFiles])
    else { return [] }
    let prefix = root.path + "/"
    return walk.compactMap { $0 as? URL }
      .filter { (try? $0.resourceValues(forKeys: Set(keys)).isRegularFile) == true }
      .map { String($0.path.dropFirst(prefix.count)) }
      .sorted()
  }

  /// Names of the folders in `folder`, sorted.
  func folders(in folder: String) -> [String] {
    Set(
      paths(in: folder).compactMap { path -> String? in
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : nil
      }
    ).sorted()
  }

  func text(_ path: String) throws -> String {
    try String(contentsOf: root.appending(path: path), encoding: .utf8)
  }

  func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: root.appending(path: path).path)
  }
}
