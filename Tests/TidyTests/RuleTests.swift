import Testing

/// Each rule, on text that breaks it and on text that only looks so.
struct RuleTests {
  @Test func `comments and literals are not code`() {
    let file = SourceFile(
      path: "Sources/A/B.swift",
      text: ##"""
        let a = "print( \(b ? "try!" : c) print(" // try!
        let d = #"" print( \#(e) \n"# + f
        /* fatalError /* nested */ still */ let g = """
          try! "quoted" \(h) // no comment
          """
        let i = "unterminated \
        let j = 1
        """##)
    #expect(
      file.code.map { $0.split(separator: " ").joined(separator: " ") } == [
        #"let a = " \(b ? " " : c) ""#, ##"let d = #" \#(e) "# + f"##,
        #"let g = """"#, #"\(h)"#, #"""""#, #"let i = ""#, "let j = 1",
      ])
    #expect(file.comments[0].hasSuffix("// try!"))
    #expect(file.comments[2].hasPrefix("/* fatalError /* nested */ still */ "))
    #expect(file.comments[3].allSatisfy { $0 == " " })
  }

  @Test func `a C character that is a quotation mark opens no literal`() {
    let file = SourceFile(path: "Sources/A/b.c", text: "if (c == '\"') f(); // \"\nchar d = '\\'';")
    #expect(file.code[0].contains("f();"))
    #expect(file.comments[0].hasSuffix("// \""))
    #expect(file.code[1].hasSuffix(";"))
  }

  @Test(arguments: [
    ("Task { work() }", "Task {"), ("let t = Task.detached { }", "Task.detached"),
    ("Task(priority: .low) { }", "Task("), ("let now = Date()", "Date()"),
    ("var g = SystemRandomNumberGenerator()", "SystemRandomNumberGenerator"),
    ("let x = try! f()", "try!"), ("fatalError(\"no\")", "fatalError"), ("print(x)", "print("),
    ("f(names.shuffled())", "shuffled()"),
  ])
  func `a banned word is found, with its line and its remedy`(line: String, word: String) {
    let findings = check("func f() {\n  \(line)\n}\n")
    #expect(findings.map(\.line) == [2])
    #expect(findings.first?.message == "`\(word)`")
    #expect(findings.first?.description.hasPrefix("Sources/Routing/A.swift:2: `") == true)
    #expect(findings.first?.remedy.isEmpty == false)
  }

  @Test(arguments: [
    "await withTaskGroup(of: Int.self) { group in }", "let d = Date(timeIntervalSince1970: 0)",
    "blueprint(x)", "let s = \"Task { print(x) }\"", "// print(x), as one would", "let TaskX = 1",
    "names.shuffled(using: &generator)", "try await f()",
  ])
  func `what only looks like a banned word is none`(line: String) {
    #expect(check("func f() {\n  \(line)\n}\n") == [])
  }

  @Test func `the edge has a clock, randomness and output, and may not crash either`() {
    let text = "print(Date())\nlet g = SystemRandomNumberGenerator()\nlet x = try! f()\n"
    #expect(check(text, path: "Sources/rollout/Serve.swift").map(\.line) == [3])
    #expect(check("print(x)\nlet x = try! f()\n", path: "Tests/ATests/B.swift").map(\.line) == [2])
  }

  @Test func `what is left for later is found in comments only`() {
    let later = "TO" + "DO"
    #expect(check("// \(later): mend\nlet a = \"\(later)\"\n").map(\.line) == [1])
    #expect(check("// m\(later)s\n") == [])
  }

  @Test func `unchecked wants a reason above it`() {
    let declaration = "final class A: @unchecked Sendable {}"
    #expect(check(declaration + "\n").map(\.line) == [1])
    #expect(check("// Each field is written once, before it is shared.\n\(declaration)\n") == [])
    #expect(check("/// A box, guarded by `lock`.\n@available(*)\n\(declaration)\n") == [])
    let variable = "nonisolated(unsafe) var a = 1\n"
    #expect(check("\n" + variable).map(\.line) == [2])
    #expect(check("// Both are written once.\n" + variable + variable) == [])
  }

  @Test func `a package type or function wants a doc comment`() {
    let declarations = [
      "package struct A {", "  package static func b() {}", "@frozen package enum C {",
      "package final class D {", "  package mutating func e() {",
    ]
    for declaration in declarations {
      #expect(check("\n\(declaration)\n").map(\.line) == [2], "\(declaration)")
      #expect(check("// no doc\n\(declaration)\n").map(\.line) == [2], "\(declaration)")
      #expect(check("/// Says why.\n@inlinable\n\(declaration)\n") == [], "\(declaration)")
    }
    #expect(check("struct A {}\npackage let a = 1\npackage import B\n") == [])
    #expect(check("package static func < (a: A, b: A) -> Bool { a.b < b.b }\n") == [])
  }

  @Test func `what a protocol asks for is described there`() {
    let file = SourceFile(
      path: "Sources/A/B.swift",
      text: "/// A store.\npackage protocol S {\n  func get()\n}\nstruct T {\n  func put()\n}\n")
    #expect(file.requirements == ["get"])
    let rule = Rule.documentation(requirements: ["get"])
    func check(_ text: String) -> Int {
      rule.check(SourceFile(path: "Sources/A/B.swift", text: text)).count
    }
    #expect(check("package func get() {}\n") == 0)
    #expect(check("package func put() {}\n") == 1)
    #expect(check("package struct get {}\n") == 1)
  }

  @Test func `watching a collected body is found, in one function only`() {
    let collect = "  let body = try await request.body.collect(upTo: 1)\n"
    let watch = "  try await request.body.consumeWithCancellationOnInboundClose { _ in }\n"
    #expect(check("func f() {\n\(collect)\(watch)}\n").map(\.line) == [3])
    #expect(check("func f() {\n\(watch)\(collect)}\n") == [])
    #expect(check("func f() {\n\(collect)}\nfunc g() {\n\(watch)}\n") == [])
  }

  @Test func `a file of 501 lines is too long, one of 500 is not`() {
    #expect(check(String(repeating: "\n", count: 500)) == [])
    #expect(check(String(repeating: "\n", count: 501)).map(\.line) == [501])
  }

  @Test func `a line of 101 columns is too long, but for a link`() {
    let line = "// " + String(repeating: "é", count: 97)
    #expect(check(line) == [])
    #expect(check(line + "é").map(\.message) == ["101 columns"])
    #expect(check("// https://" + line) == [])
  }

  @Test func `a function of 71 lines is too long, wherever it stands`() {
    func function(_ declaration: String, lines: Int) -> String {
      declaration + String(repeating: "\n  if a { b() }", count: lines - 2) + "\n}\n"
    }
    for declaration in ["func f() {", "  init?(a: Int = { 1 }()) {", "subscript(a: Int) -> Int {"] {
      #expect(check("\n" + function(declaration, lines: 70)) == [], "\(declaration)")
      #expect(
        check("\n" + function(declaration, lines: 71)).map(\.line) == [2], "\(declaration)")
    }
    #expect(check(function("struct A {", lines: 90)) == [])
    let requirements = "protocol P {\n  func f()\n}\n"
    #expect(check(requirements + function("enum E {", lines: 90)) == [])
    #expect(
      check("static\n" + function("void f(int a) {", lines: 71), path: "Sources/C/a.c").count == 1)
  }

  let manifest = """
    let package = Package(targets: [
      // A comment about target("Z", [])
      target("Routing"),
      .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),
      target("Promotion", ["Routing", yams]),
      .executableTarget(name: "rollout", dependencies: ["Promotion", "Routing"]),
      tests("Routing", ["Routing"]),
    ])
    """

  @Test func `the table is read out of the manifest`() {
    let layering = Layering(manifest: manifest)
    #expect(layering.names == ["Routing", "CKernels", "Promotion", "rollout", "RoutingTests"])
    #expect(layering.imports["rollout"] == ["Promotion", "Routing"])
    #expect(layering.imports["CKernels"] == [])
    #expect(layering.findings(path: "Package.swift") == [])
  }

  @Test func `an import against the ranks is found`() {
    let layering = Layering(manifest: manifest)
    func check(_ text: String, path: String = "Sources/Routing/A.swift") -> [Int] {
      layering.findings(in: SourceFile(path: path, text: text)).map(\.line)
    }
    #expect(check("import Foundation\npackage import Promotion\n") == [2])
    #expect(check("import struct Promotion.Controller\n") == [1])
    #expect(check("@testable import Routing\n", path: "Tests/RoutingTests/A.swift") == [])
    #expect(check("import Routing\n", path: "Sources/Promotion/A.swift") == [])
    #expect(check("// import Promotion\n") == [])
    #expect(check("", path: "Sources/Nowhere/A.swift") == [1])
  }

  @Test func `a table that goes up is found, and one that joins what must stay apart`() {
    let up = Layering(manifest: #"targets: [target("A", ["B"]), target("B")]"#)
    #expect(up.findings(path: "P").map(\.message) == ["A depends on B, which stands below it"])
    let joined = Layering(
      manifest: #"""
        targets: [target("Promotion"), target("A", ["Promotion"]), target("Routing", ["A"]),
        target("CKernels"), target("Quality", ["CKernels"])]
        """#)
    #expect(
      joined.findings(path: "P").map(\.message)
        == ["Routing reaches Promotion", "Quality calls the kernels"])
  }

  @Test func `a policy that no test parses is found`() {
    let policies = ["policies/a.yaml", "policies/b.yaml"]
    let named = TidyTests.unparsed(policies, tests: [#"parse("policies/a.yaml")"#])
    #expect(named.map(\.path) == ["policies/b.yaml"])
    let folder = [#"for file in files("policies") {"#]
    #expect(TidyTests.unparsed(policies, tests: folder) == [])
    #expect(TidyTests.unparsed(["policies/deep/c.yaml"], tests: folder).count == 1)
    #expect(TidyTests.unparsed(["policies/deep/c.yaml"], tests: folder + [#"f("deep")"#]) == [])
  }

  @Test func `a folder of fixtures without an origin is found`() {
    let findings = TidyTests.unnamed(
      ["traffic", "engine"], readme: "| `traffic/` | written here |")
    #expect(findings.map(\.path) == ["fixtures/engine"])
  }

  @Test func `a document's dead link and unknown command are found`() {
    let document = Document(
      path: "README.md",
      text: """
        [a](there.md) [b](gone.md#part) [c](https://example.org) [d](#part)
        `make test`, and make no mistake: `make tea`
        """)
    #expect(document.brokenLinks { $0 == "there.md" }.map(\.message) == ["no file gone.md"])
    let targets = Document.targets(makefile: ".PHONY: a\ntest: build\n\tmake tea\n")
    #expect(targets == ["test"])
    #expect(document.unknownCommands(targets).map(\.message) == ["no `make tea`"])
  }

  private func check(_ text: String, path: String = "Sources/Routing/A.swift") -> [Finding] {
    let file = SourceFile(path: path, text: text)
    return Rule.all().flatMap { $0.check(file) }
  }
}
