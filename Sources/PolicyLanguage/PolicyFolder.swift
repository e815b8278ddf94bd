package import Foundation

/// The policy files of a folder.
package enum PolicyFolder {
  /// Files of one folder above which it is refused.
  package static let maximumFiles = 256

  /// Reads the `.yaml` and `.yml` files that lie in the folder itself, in order of their names.
  ///
  /// Folders inside it are left out, so that `policies/examples` is not loaded with `policies`.
  /// Files are named in diagnostics by `path` and their name. A `path` that is a file is read
  /// alone.
  ///
  /// - Throws: ``PolicyErrors`` with every file that could not be read, is not UTF-8, or is larger
  ///   than ``PolicySource/maximumBytes``; also for a folder without any policy, since whoever
  ///   named it takes it for one that has some.
  package static func sources(at path: String) throws(PolicyErrors) -> [PolicySource] {
    let files = try files(at: path)
    var sources: [PolicySource] = []
    var diagnostics: [Diagnostic] = []
    for file in files {
      switch read(file) {
      case .success(let source): sources.append(source)
      case .failure(let diagnostic): diagnostics.append(diagnostic)
      }
    }
    guard diagnostics.isEmpty else { throw PolicyErrors(diagnostics: diagnostics) }
    return sources
  }

  private static func files(at path: String) throws(PolicyErrors) -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw PolicyErrors(diagnostics: [mistake(.unreadableFile, path, "there is no such file")])
    }
    guard isFolder.boolValue else { return [path] }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw PolicyErrors(diagnostics: [mistake(.unreadableFile, path, "cannot list the folder")])
    }
    let policies = names.filter { name in
      !name.hasPrefix(".") && (name.hasSuffix(".yaml") || name.hasSuffix(".yml"))
    }
    guard policies.count <= maximumFiles else {
      let message = "\(policies.count) policy files are more than \(maximumFiles)"
      throw PolicyErrors(diagnostics: [mistake(.tooManyFiles, path, message)])
    }
    guard !policies.isEmpty else {
      let message = "there is no .yaml or .yml file in this folder"
      throw PolicyErrors(diagnostics: [mistake(.emptyFolder, path, message)])
    }
    let folder = path.hasSuffix("/") ? path : path + "/"
    return policies.sorted().map { folder + $0 }
  }

  /// SHA-256 of what stands in a file, lower-case hex; `nil` where nothing can be read. Of one that
  /// is larger than ``PolicySource/maximumBytes``, and refused, no more than that is looked at.
  package static func digest(ofFileAt path: String) -> String? {
    guard isRegular(path), let handle = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? handle.close() }
    guard let data = try? handle.read(upToCount: PolicySource.maximumBytes + 1) ?? Data() else {
      return nil
    }
    return Digest.hex(of: data)
  }

  /// Opening a pipe would wait for whoever writes into it.
  private static func isRegular(_ path: String) -> Bool {
    // What a link leads to: a mounted volume is changed by pointing its links elsewhere.
    let target = URL(filePath: path).resolvingSymlinksInPath().path(percentEncoded: false)
    let attributes = try? FileManager.default.attributesOfItem(atPath: target)
    return attributes?[.type] as? FileAttributeType == .typeRegular
  }

  private static func read(_ file: String) -> Result<PolicySource, Diagnostic> {
    guard isRegular(file) else {
      return .failure(mistake(.unreadableFile, file, "this is not a file that can be read"))
    }
    guard let handle = FileHandle(forReadingAtPath: file) else {
      return .failure(mistake(.unreadableFile, file, "the file cannot be opened"))
    }
    defer { try? handle.close() }
    return read(handle, named: file)
  }

  /// Reads one text to its end, such as what is piped into a command.
  ///
  /// - Parameter file: What diagnostics call it.
  /// - Throws: ``PolicyErrors`` when it is not UTF-8 or larger than ``PolicySource/maximumBytes``.
  package static func source(
    from handle: FileHandle, named file: String
  ) throws(PolicyErrors) -> PolicySource {
    switch read(handle, named: file) {
    case .success(let source): return source
    case .failure(let diagnostic): throw PolicyErrors(diagnostics: [diagnostic])
    }
  }

  private static func read(
    _ handle: FileHandle, named file: String
  ) -> Result<PolicySource, Diagnostic> {
    do {
      // The file may grow meanwhile: one byte more than allowed is read at most.
      let limit = PolicySource.maximumBytes
      let data = try handle.read(upToCount: limit + 1) ?? Data()
      guard data.count <= limit else {
        let message = "more than \(limit) bytes; the file was not read"
        return .failure(mistake(.fileTooLarge, file, message))
      }
      guard let text = String(validating: data, as: UTF8.self) else {
        return .failure(mistake(.notUTF8, file, "the file is not UTF-8"))
      }
      return .success(PolicySource(file: file, text: text))
    } catch {
      return .failure(mistake(.unreadableFile, file, "the file cannot be read"))
    }
  }

  private static func mistake(
    _ code: DiagnosticCode, _ file: String, _ message: String
  ) -> Diagnostic {
    Diagnostic(file: file, line: 1, column: 1, severity: .error, code: code, message: message)
  }
}
