import Tensors

/// Distils a gate from a model's own attention, while the model's weights stay as they are.
///
/// Gao et al. 2024, "SeerAttention", section 3.2. Same texts, seed and threads or not: same gate.
package struct GateDistillation: Sendable {
  package var blockSize = 16
  /// The last positions, which variants of this gate will always see.
  package var window = 128
  /// The first positions, likewise.
  package var sinks = 4
  /// Steps of Adam for each layer's head.
  package var steps = 400
  /// Adam's step size at the beginning.
  package var rate: Float = 0.005
  package var seed: UInt64 = 1
  /// Key budgets to report, each in all.
  package var budgets = [256, 512]
  /// Layers and heads that are learned at the same time.
  package var threads = 2

  package init() {}

  /// A gate and what it is worth.
  package struct Result: Sendable {
    package let gate: Gate
    /// On the windows held out.
    package let report: GateReport
  }

  /// What has been done.
  package enum Progress: Sendable {
    case read(windows: Int, of: Int)
    case learned(heads: Int, of: Int)
  }

  /// - Parameters:
  ///   - training: windows of tokens, each a multiple of 64 long; at least one
  ///   - heldOut: windows that are not learned from, for the report
  ///   - modelDigest: SHA-256 of the weights, lower-case hex
  /// - Throws: `invalidRequest` for numbers without meaning; as `GateExamples.init`; `notANumber`
  ///   if the rate is too great.
  package func distil(
    _ weights: Weights, modelDigest: String, training: [[Token]], heldOut: [[Token]],
    progress: @Sendable (Progress) -> Void = { _ in }
  ) async throws -> Result {
    guard !training.isEmpty, steps >= 1, threads >= 1, rate > 0, window >= 1, sinks >= 0 else {
      throw TransformerError(
        .invalidRequest, "distilling needs a window of text, a step, a thread and a rate above 0")
    }
    let windows = try examples(training + heldOut, weights, progress)
    let objective = GateObjective(
      shape: Gate.Shape(weights.parameters), blockSize: blockSize, window: window, sinks: sinks)
    let (learned, tally) = try await learn(
      objective, Array(windows.prefix(training.count)), Array(windows.dropFirst(training.count)),
      progress)
    let gate = try Gate(
      objective.shape, blockSize: blockSize, modelDigest: modelDigest,
      weights: learned.flatMap { $0 })
    return Result(gate: gate, report: tally.report)
  }

  private func examples(
    _ texts: [[Token]], _ weights: Weights, _ progress: (Progress) -> Void
  ) throws -> [GateExamples] {
    let executor = Executor(kernels: .fastest, mode: .float32, lane: 0, lanes: 1)
    return try texts.enumerated().map { index, text in
      try Task.checkCancellation()
      progress(.read(windows: index, of: texts.count))
      return try GateExamples(text, of: weights, blockSize: blockSize, on: executor)
    }
  }

  /// Layer by layer and head by head, `threads` at a time.
  private func learn(
    _ objective: GateObjective, _ training: [GateExamples], _ heldOut: [GateExamples],
    _ progress: (Progress) -> Void
  ) async throws -> (weights: [[Float]], tally: GateTally) {
    let count = objective.shape.layers * objective.shape.keyValueHeads
    let trainer = GateTrainer(objective: objective, steps: steps, rate: rate, seed: seed)
    var tallies = [GateTally](repeating: GateTally(), count: count)
    var learned = [[Float]](repeating: [], count: count)
    try await withThrowingTaskGroup(of: (Int, [Float], GateTally).self) { group in
      for index in 0..<count {
        if index >= threads, let (done, weights, tally) = try await group.next() {
          (learned[done], tallies[done]) = (weights, tally)
        }
        progress(.learned(heads: index, of: count))
        group.addTask {
          try Task.checkCancellation()
          let weights = trainer.weights(index, learnedFrom: training)
          var tally = GateTally()
          for window in heldOut {
            tally.add(weights, window, index: index, objective, keys: budgets)
          }
          return (index, weights, tally)
        }
      }
      for try await (done, weights, tally) in group {
        (learned[done], tallies[done]) = (weights, tally)
      }
    }
    // In order, so that sums do not depend on who was faster.
    return (learned, tallies.reduce(into: GateTally()) { $0.add($1) })
  }
}
