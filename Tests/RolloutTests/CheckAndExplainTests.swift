import Foundation
import Testing

/// What reviews, workflows and editors get of mistakes in policies.
@Suite struct CheckAndExplainTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let wrong = "apiVersion: rollout/v1\nkind: Modle\nname: a\n"

  @Test func `in a workflow each mistake is beside its line`() async throws {
    let file = try folder.write(Self.wrong, to: "policies/a.yaml").path
    let result = try await Program.run(
      ["check", file, "--format", "github"], environment: ["GITHUB_WORKSPACE": folder.url.path])
    #expect(result.status == 1)
    #expect(
      result.output == """
        ::error file=policies/a.yaml,line=2,endLine=2,col=7,endColumn=11,title=unknown-value\
        ::expected the kind of document, found 'Modle'; did you mean 'Model'? known: Model, Rollout
        1 error; 'rollout explain unknown-value' says why and shows how to mend it

        """)
  }

  @Test func `a code scanner gets SARIF, with whole paths for files elsewhere`() async throws {
    let file = try folder.write(Self.wrong, to: "a b.yaml").path
    let result = try await Program.run(["check", file, "policies", "--format", "sarif"])
    #expect(result.status == 1)
    let log = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    let run = try #require((log["runs"] as? [[String: Any]])?.first)
    let found = try #require((run["results"] as? [[String: Any]])?.first)
    #expect(found["ruleId"] as? String == "unknown-value")
    #expect(result.output.contains("\"uri\" : \"file://\(folder.url.path)/a%20b.yaml\""))
    #expect(!result.output.contains("SRCROOT"))
  }

  @Test func `files without a mistake are an empty list, in every format`() async throws {
    let json = try await Program.run(["check", "policies", "--format", "json"])
    #expect((json.output, json.status) == ("[\n\n]\n", 0))
    let sarif = try await Program.run(["check", "policies", "--format", "sarif"])
    #expect(sarif.output.replacing(/\s/, with: "").contains("\"results\":[]"))
    let github = try await Program.run(["check", "policies", "--format", "github"])
    #expect(github.output.hasPrefix("ok: ") && github.status == 0)
  }

  @Test func `a text may come from a pipe`() async throws {
    let program = try Program.executable().path
    let result = try await Program.run(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", "printf 'kind: Modle\\n' | '\(program)' check - --json"], environment: [:])
    #expect(result.status == 1)
    #expect(result.output.contains("\"file\" : \"<stdin>\""))
    #expect(result.output.contains("\"endColumn\" : 12"))
    let large = try await Program.run(
      URL(fileURLWithPath: "/bin/sh"),
      ["-c", "head -c 300000 /dev/zero | '\(program)' check -"], environment: [:])
    #expect(large.output.contains("[file-too-large]") && large.status == 1)
  }

  @Test func `two formats at once are refused`() async throws {
    let result = try await Program.run(["check", "policies", "--json", "--format", "sarif"])
    #expect(result.status == 2 && result.output.isEmpty)
    #expect(try await Program.run(["check", "--format", "xml"]).status == 2)
  }

  @Test func `explain tells what a code is about, as it stands in brackets too`() async throws {
    let page = try await Program.run(["explain", "missing-unit"])
    #expect(page.status == 0)
    #expect(page.output.hasPrefix("missing-unit (error)\n\nThe number has no unit.\n\n5 could be"))
    #expect(
      page.output.contains("    expected weight, found '5' without a unit; did you mean '5%'?\n"))
    #expect(try await Program.run(["explain", "[missing-unit]"]).output == page.output)
  }

  @Test func `schema prints the schema that lies beside the policies`() async throws {
    let result = try await Program.run(["schema"])
    let file = Program.root.appendingPathComponent("policies/policy.schema.json")
    #expect(result.status == 0)
    #expect(try result.output == String(contentsOf: file, encoding: .utf8))
  }

  @Test func `explain lists all codes, and guesses what was meant`() async throws {
    let list = try await Program.run(["explain"])
    #expect(list.output.contains(/unknown-key +error +The key is not one/))
    #expect(list.output.contains(/weight-decreases +warning +A canary's weight/))
    let near = try await Program.run(["explain", "unknwon-key"])
    #expect(near.status == 2 && near.output.isEmpty)
    #expect(near.errors.contains("help: did you mean 'unknown-key'?"))
    let far = try await Program.run(["explain", "xyzzy"])
    #expect(far.errors.contains("help: 'rollout explain' lists all codes"))
  }
}
