import Foundation
import Testing

@testable import PolicyLanguage

/// Files become sources, and what cannot be read is a diagnostic.
struct PolicyFolderTests {
  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "policies-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func codes(at path: String) -> [DiagnosticCode] {
    do {
      _ = try PolicyFolder.sources(at: path)
      return []
    } catch {
      return error.diagnostics.map(\.code)
    }
  }

  @Test func `a folder is its YAML files in order, without folders inside it`() throws {
    let path = Repository.policies.path(percentEncoded: false)
    let sources = try PolicyFolder.sources(at: path)
    let names = [
      "assistant", "attention-shootout", "smollm2-dense", "smollm2-flash", "smollm2-hybrid-512",
      "smollm2-hybrid", "smollm2-quest", "smollm2-stream", "smollm2-window-512", "smollm2-window",
      "smollm2-yarn-32k",
    ]
    let separator = path.hasSuffix("/") ? "" : "/"
    #expect(sources.map(\.file) == names.map { "\(path)\(separator)\($0).yaml" })
    #expect(throws: Never.self) { try PolicyParser.parse(sources) }
  }

  @Test func `files that cannot be read are all named`() throws {
    try withFolder { folder in
      let large = Data(repeating: UInt8(ascii: "#"), count: PolicySource.maximumBytes + 1)
      try large.write(to: folder.appending(path: "large.yaml"))
      try Data([0xFF, 0xFE]).write(to: folder.appending(path: "binary.yml"))
      try FileManager.default.createDirectory(
        at: folder.appending(path: "folder.yaml"), withIntermediateDirectories: false)
      try Data("hidden".utf8).write(to: folder.appending(path: ".hidden.yaml"))
      try Data("text".utf8).write(to: folder.appending(path: "notes.txt"))
      let path = folder.path(percentEncoded: false)
      #expect(codes(at: path) == [.notUTF8, .unreadableFile, .fileTooLarge])
      #expect(codes(at: path + "/missing.yaml") == [.unreadableFile])
    }
  }

  @Test func `a folder without any policy is refused`() throws {
    try withFolder { folder in
      let path = folder.path(percentEncoded: false)
      #expect(codes(at: path) == [.emptyFolder])
      try Data("text".utf8).write(to: folder.appending(path: "notes.txt"))
      #expect(codes(at: path) == [.emptyFolder])
    }
  }

  @Test func `a folder of too many files is refused`() throws {
    try withFolder { folder in
      for index in 0...PolicyFolder.maximumFiles {
        try Data().write(to: folder.appending(path: "\(index).yaml"))
      }
      #expect(codes(at: folder.path(percentEncoded: false)) == [.tooManyFiles])
    }
  }

  @Test func `a file may be named alone`() throws {
    let path = Repository.policies.appending(path: "assistant.yaml").path(percentEncoded: false)
    #expect(try PolicyFolder.sources(at: path).map(\.file) == [path])
  }
}
