import ArgumentParser
import PolicyLanguage

/// `rollout schema`: the policy language for editors.
struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "Print the JSON Schema of policy files, with which editors complete and check.",
    discussion: """
      Keys, words, bounds and descriptions of this version, made of what the parser reads by. \
      `rollout check` sees more: units, weights that do not sum, models that are not there.

      EXAMPLE:
        rollout schema > policies/policy.schema.json

      With yaml-language-server (VS Code's YAML, Neovim, Helix), begin a policy with
        # yaml-language-server: $schema=policy.schema.json
      """)

  func run() throws {
    Output.write(try PolicySchema.text())
  }
}
