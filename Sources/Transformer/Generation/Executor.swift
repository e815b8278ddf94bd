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
  private let lanes: Int
  private let scores: ScoreMatrices
  /// One for each shape of model; an engine serves few.
  private var workspaces: [HyperParameters: Workspace] = [:]

  init(kernels: Kernels, mode: NumericMode, lane: Int, lanes: Int) {
    self.kernels = kernels
    self.mode = mode
    self.lane = lane
    self.lanes = lanes
    scores = ScoreMatrices(lanes: lanes)
  }

  /// A pass for one chunk or step of `variant`.
  ///
  /// - Throws: `overloaded` if the system has no memory for the buffers.
  func pass(_ variant: ModelVariant) throws(TransformerError) -> ForwardPass {
    ForwardPass(
      weights: variant.weights, attention: variant.attention, rotary: variant.rotary,
      sinkReach: variant.sinkReach, mode: mode, kernels: kernels,
      workspace: try workspace(variant.weights.parameters), scores: scores,
      crew: crew, lane: lane)
  }

  private func workspace(_ parameters: HyperParameters) throws(TransformerError) -> Workspace {
    if let existing = workspaces[parameters] { return existing }
    let new = try Workspace(parameters, lanes: lanes)
    workspaces[parameters] = new
    return new
  }
}
