import Tensors

/// What one worker computes with: kernels, buffers, and the crew it leads.
///
/// Belongs to its worker; helpers see only what a loop shows them.
final class Executor {
  let kernels: Kernels
  let mode: NumericMode
  let crew = Crew()
  /// This worker's number, which tells whose scratch is whose.
  let lane: Int
  /// Common to all workers of an engine.
  let yardstick: Yardstick
  private let lanes: Int
  private let scores: ScoreMatrices
  /// One for each shape of model; an engine serves few.
  private var workspaces: [HyperParameters: Workspace] = [:]

  init(
    kernels: Kernels, mode: NumericMode, lane: Int, lanes: Int, yardstick: Yardstick = Yardstick()
  ) {
    self.kernels = kernels
    self.mode = mode
    self.lane = lane
    self.lanes = lanes
    self.yardstick = yardstick
    scores = ScoreMatrices(lanes: lanes)
  }

  /// Does the work of one quantum.
  ///
  /// - Returns: for each of its jobs what comes next, `nil` if nothing does, or why it has failed
  func run(_ quantum: Scheduler.Quantum) -> [Result<Turn?, TransformerError>] {
    switch quantum {
    case .chunk(let job):
      do throws(TransformerError) {
        return [.success(try job.runQuantum(self))]
      } catch {
        return [.failure(error)]
      }
    case .step(let jobs): return SharedStep(executor: self).run(jobs)
    }
  }

  /// A pass for one chunk or step with some weights.
  ///
  /// - Parameter isPrefill: whether it reads a text, rather than writing the next tokens of some
  /// - Throws: `overloaded` if the system has no memory for the buffers.
  func pass(_ weights: Weights, isPrefill: Bool) throws(TransformerError) -> ForwardPass {
    ForwardPass(
      weights: weights, form: kernels.form(of: mode, isPrefill: isPrefill),
      drawingForm: kernels.form(of: mode, isPrefill: false), kernels: kernels,
      workspace: try workspace(weights.parameters), scores: scores, crew: crew, lane: lane)
  }

  private func workspace(_ parameters: HyperParameters) throws(TransformerError) -> Workspace {
    if let existing = workspaces[parameters] { return existing }
    let new = try Workspace(parameters, lanes: lanes)
    workspaces[parameters] = new
    return new
  }
}
