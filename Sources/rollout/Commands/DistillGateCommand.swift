import ArgumentParser
import Backends
import Foundation
import Tensors
import Transformer

/// `rollout distill-gate`: teaches a small gate where a model looks.
struct DistillGateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "distill-gate",
    abstract: "Teach a gate which blocks of keys a model attends to; its weights stay as they are.",
    discussion: """
      The model reads windows of the texts, and for each layer and key/value head a gate learns to \
      predict where its attention goes. Of the windows of each text the last one is held out: on \
      those the report says which share of the attention the gate's choice sees, beside Quest's \
      bound, the mean key, and the best choice there is. Texts that variants are evaluated on \
      should not be among those that it learns from. The same texts and seed give the same file.

      EXAMPLE:
        rollout distill-gate --weights .models/SmolLM2-135M-Instruct.Q4_1.gguf \\
          --text alice29.txt --text plrabn12.txt --out smollm2.gate
        rollout evaluate --weights .models/SmolLM2-135M-Instruct.Q4_1.gguf --suite perplexity \\
          --gate smollm2.gate --variant gated:512 --variant quest:512
      """)

  @Option(help: ArgumentHelp("A GGUF file.", valueName: "file"))
  var weights: String

  @Option(
    name: .customLong("text"),
    help: ArgumentHelp(
      "A text in UTF-8 to learn from. May be given several times.", valueName: "file"))
  var texts: [String]

  @Option(
    help: ArgumentHelp("Where the gate is written; an old one is replaced.", valueName: "file"))
  var out: String

  @Option(help: "Keys in a block: 16, 32 or 64.")
  var block = 16

  @Option(help: "Windows to take of each text, spread evenly; the last is held out.")
  var windows = 4

  @Option(help: "Tokens of a window, a multiple of 64.")
  var length = 2_048

  @Option(help: "Steps for each layer's head; a step looks at one window.")
  var steps = 400

  @Option(help: "How far a step goes at most, in the beginning.")
  var rate: Float = 0.005

  @Option(help: "Of the order in which windows are learned.")
  var seed: UInt64 = 1

  @Option(help: "Heads that are learned at the same time.")
  var threads = 2

  @Flag(help: "Answer in JSON, for programs.")
  var json = false

  func validate() throws {
    guard (1...64).contains(texts.count), (2...64).contains(windows),
      (256...16_384).contains(length), length % KeyBlock.keyCount == 0
    else {
      throw ValidationError(
        "--text is given 1 to 64 times, --windows is in 2...64, and --length a multiple of 64 in "
          + "256...16384.")
    }
    guard (1...100_000).contains(steps), rate > 0, rate <= 1, (1...256).contains(threads),
      [16, 32, 64].contains(block)
    else {
      throw ValidationError(
        "--steps is in 1...100000, --rate above 0 and at most 1, --threads in 1...256, and "
          + "--block 16, 32 or 64.")
    }
  }

  func run() async throws {
    do {
      let file = try GGUFFile.open(path: weights)
      let digest = try WeightDigest.hex(of: [file.file])
      let (training, heldOut) = try windowsOfTexts(Tokenizer(file))
      var distillation = GateDistillation()
      distillation.blockSize = block
      distillation.steps = steps
      distillation.rate = rate
      distillation.seed = seed
      distillation.threads = threads
      let result = try await distillation.distil(
        Weights(file), modelDigest: digest, training: training, heldOut: heldOut,
        progress: DistillationNotes.note)
      try write(GateFile.bytes(of: result.gate))
      Output.write(json ? try Output.json(result.report) : DistillationText.text(of: result.report))
    } catch let error as TransformerError {
      throw CommandFailure(.usage, error.message)
    }
  }

  private func windowsOfTexts(
    _ tokenizer: Tokenizer
  ) throws -> (training: [[Token]], heldOut: [[Token]]) {
    var training: [[Token]] = []
    var heldOut: [[Token]] = []
    for path in texts {
      let tokens = try tokenizer.encode(TextFile.read(path), special: false)
      let stride = tokens.count / windows
      guard stride >= length else {
        throw CommandFailure(
          .usage, "\(path) has \(tokens.count) tokens, too few for \(windows) windows of \(length)",
          remedy: "ask for fewer --windows, or a shorter --length")
      }
      let all = (0..<windows).map { Array(tokens[$0 * stride..<$0 * stride + length]) }
      training += all.dropLast()
      heldOut += all.suffix(1)
    }
    return (training, heldOut)
  }

  /// A complete file takes the place of the old one.
  private func write(_ bytes: [UInt8]) throws {
    do {
      try Data(bytes).write(to: URL(filePath: out), options: .atomic)
    } catch {
      throw CommandFailure(.failed, "cannot write \(out): \(error.localizedDescription)")
    }
  }
}

/// What is being done, on standard error.
private enum DistillationNotes {
  @Sendable static func note(_ progress: GateDistillation.Progress) {
    switch progress {
    case .read(let done, let count): Output.writeError("reading window \(done + 1) of \(count)\n")
    case .learned(let done, let count) where done % 10 == 0:
      Output.writeError("learning head \(done + 1) of \(count)\n")
    case .learned: break
    }
  }
}

/// The report of a distillation, for people.
private enum DistillationText {
  static func text(of report: GateReport) -> String {
    let ways = GateReport.Scoring.allCases.map(\.rawValue)
    func row(_ title: String, _ values: [String: Double], _ digits: Int) -> [String] {
      [title] + ways.map { values[$0].map { String(format: "%.\(digits)f", $0) } ?? "" }
    }
    var rows = [[""] + ways, row("loss, nats", report.loss, 4)]
    for (keys, values) in report.seen.sorted(by: { $0.key < $1.key }) {
      rows.append(row("attention seen, \(keys) keys", values.mapValues { 100 * $0 }, 2))
    }
    let widths = (0...ways.count).map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
        .joined(separator: "  ") + "\n"
    }.joined()
  }
}
