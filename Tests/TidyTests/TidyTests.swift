import Testing

/// The rules of this repository, applied to it. What each looks for is tested in `RuleTests`.
struct TidyTests {
  let repository = Repository()

  @Test func `every source file keeps every rule`() throws {
    let files = try swiftAndC()
    #expect(files.count > 20, "the sources are not where this test looks for them")
    let requirements = Set(files.filter(\.isSource).flatMap(\.requirements))
    for rule in Rule.all(requirements: requirements) {
      report(files.flatMap(rule.check), of: rule.name)
    }
  }

  @Test func `scripts keep to 100 columns and leave nothing for later`() throws {
    let files =
      try repository.files(in: "scripts", extensions: ["sh", "py", "c"])
      + ["Makefile", ".ci/run"].map { SourceFile(path: $0, text: try repository.text($0)) }
    report(files.flatMap(Rule.lineLength.check), of: Rule.lineLength.name)
  }

  @Test func `imports go down the ranks`() throws {
    let layering = try Layering(manifest: repository.text("Package.swift"))
    let targets = repository.folders(in: "Sources") + repository.folders(in: "Tests")
    #expect(Set(targets).isSubset(of: layering.names))
    report(layering.findings(path: "Package.swift"), of: "the table is one-way")
    report(try swiftAndC().flatMap(layering.findings(in:)), of: "imports are declared")
  }

  @Test func `every policy is parsed by some test`() throws {
    let policies = repository.paths(in: "policies").filter { $0.hasSuffix(".yaml") }
    let tests = try repository.files(in: "Tests", extensions: ["swift"])
      .filter { $0.target != "TidyTests" }.map { $0.lines.joined(separator: "\n") }
    report(Self.unparsed(policies, tests: tests), of: "policies are tested")
  }

  @Test func `every folder of fixtures is named with its origin`() throws {
    let readme = try repository.text("fixtures/README.md")
    let folders = repository.folders(in: "fixtures")
    report(Self.unnamed(folders, readme: readme), of: "fixtures have an origin")
  }

  @Test(arguments: ["README.md", "CONTRIBUTING.md", "SECURITY.md", "fixtures/README.md"])
  func `a document names only files and commands that exist`(path: String) throws {
    let text = try repository.text(path)
    let folder = path.split(separator: "/").dropLast().map { $0 + "/" }.joined()
    let commands = try Document.targets(makefile: repository.text("Makefile"))
    let findings =
      Document(path: path, text: text).brokenLinks { repository.exists(folder + $0) }
      + Document(path: path, text: text).unknownCommands(commands)
    report(findings, of: "documents are true")
  }

  private func swiftAndC() throws -> [SourceFile] {
    try ["Sources", "Tests"].flatMap {
      try repository.files(in: $0, extensions: ["swift", "c", "h"])
    }
  }

  private func report(_ findings: [Finding], of rule: String) {
    for finding in findings { Issue.record("\(finding) [\(rule)]") }
  }
}

extension TidyTests {
  /// Policies that no test names, where the tests do not name each of their folders either.
  static func unparsed(_ policies: [String], tests: [String]) -> [Finding] {
    policies.filter { policy in
      let parts = policy.split(separator: "/").map(String.init)
      let folders = parts.dropLast()
      let isRead = folders.allSatisfy { folder in tests.contains { $0.has("\"\(folder)\"") } }
      return !isRead && !tests.contains { $0.has(parts.last ?? "") }
    }.map {
      Finding(
        path: $0, line: 1, message: "no test parses it", remedy: "add it to the policies' test")
    }
  }

  /// Folders that `readme` has no line about.
  static func unnamed(_ folders: [String], readme: String) -> [Finding] {
    folders.filter { !readme.contains("`\($0)/`") }.map {
      Finding(
        path: "fixtures/\($0)", line: 1, message: "not in fixtures/README.md",
        remedy: "say there where `\($0)/` comes from and the command that made it")
    }
  }
}
