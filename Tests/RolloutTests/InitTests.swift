import Foundation
import Testing

/// The first policies of a route, written from outside.
@Suite struct InitTests {
  let folder: TemporaryFolder
  private var policies: String { folder.url.appendingPathComponent("policies").path }

  init() throws { folder = try TemporaryFolder() }

  private func initialise(_ arguments: String...) async throws -> Program.Result {
    try await Program.run(["init", "--folder", policies] + arguments)
  }

  static let models = [
    ["model.gguf#dense", "model.gguf"],
    ["/models/Chat 7B.gguf#flash", "/models/Chat 7B.gguf#slidingWindow"],
    ["123.gguf#hybrid", "no.gguf#blockSparse"],
    ["no.gguf#window", "no.gguf#moba"], ["no.gguf#quest", "no.gguf#dense"],
    ["http://a:8000/v1#acme/chat", "https://b/v1#acme/chat"],
    ["model.gguf", "http://a:8000/v1#42"],
  ]

  @Test(arguments: models, ["shadow", "canary", "split"])
  func `what is written is taken without a warning`(
    models: [String], strategy: String
  ) async throws {
    let written = try await initialise(
      "--incumbent", models[0], "--candidate", models[1], "--route", "assistant", "--strategy",
      strategy)
    #expect(written.status == 0, "\(written.errors)")
    #expect(written.output.split(separator: "\n").count { $0.hasPrefix("wrote ") } == 3)
    let check = try await Program.run(["check", policies])
    #expect(check.output == "ok: 2 models, 1 rollout\n")
    #expect(check.status == 0)
  }

  @Test func `nothing is written over`() async throws {
    let arguments = ["--incumbent", "a.gguf", "--candidate", "b.gguf", "--route", "chat"]
    let file = try folder.write("mine", to: "policies/rollout-chat.yaml")
    let result = try await Program.run(["init", "--folder", policies] + arguments)
    #expect(result.status == 1 && result.output.isEmpty)
    #expect(result.errors.contains("there already: \(file.path)"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: policies) == ["rollout-chat.yaml"])
    #expect(try String(contentsOf: file, encoding: .utf8) == "mine")
  }

  @Test func `without a terminal it says what was not said`() async throws {
    let result = try await initialise("--incumbent", "a.gguf")
    #expect(result.status == 2 && result.output.isEmpty)
    #expect(result.errors.contains("not said: --candidate, --route"))
    #expect(!FileManager.default.fileExists(atPath: policies))
  }

  @Test(arguments: [
    ["a.gguf", "a.gguf#flash", "chat", "the same model"],
    ["a.gguf", "http://a/v1", "chat", "does not say which model"],
    ["../a.gguf", "b.gguf", "chat", "a path with '..' in it"],
    ["a.gguf#tense", "b.gguf", "chat", "did you mean 'dense'?"],
    ["a.gguf", "ftp://a/v1#b", "chat", "must begin with http"],
    ["a.gguf", "http://me:secret@a/v1#b", "chat", "a user or a password"],
    ["a.gguf", "b.gguf", "My Chat", "is no name of a route"],
    ["a.gguf", "#", "chat", "names no model"],
  ])
  func `what check would not take is not written`(answers: [String]) async throws {
    let result = try await initialise(
      "--incumbent", answers[0], "--candidate", answers[1], "--route", answers[2])
    #expect(result.status == 2 && result.output.isEmpty)
    #expect(result.errors.contains(answers[3]), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: policies))
  }
}
