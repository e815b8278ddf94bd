/// `golden_kernels.json`: what the reference kernels compute.
struct GoldenKernels: Decodable {
  struct Stream: Decodable {
    let N: Int
    let sumA: Int
    let sumE: Int
    let sumY: Double
  }
  struct Grid: Decodable {
    let u: [Double]
    let logw: [Double]
  }
  struct ConditionalRisk: Decodable {
    let n: Int
    let r0: Double
    let sign: Int
    let log_e: Double
  }
  struct Mean: Decodable {
    let n: Int
    let delta: Double
    let direction: Int
    let log_e: Double
  }
  struct Plan: Decodable {
    let kind: String
    let args: [Double]
    let out: [String: Double]
  }

  let stream: Stream
  let rr_grid: Grid
  let cond_rr: [ConditionalRisk]
  let ipw_mean: [Mean]
  let cond_rr_max_up: Double
  let ipw_mean_max_up: Double
  let srm_tilt_max: Double
  let planner: [Plan]

  static func load() throws -> GoldenKernels {
    try Fixture.decode(GoldenKernels.self, from: "golden_kernels.json")
  }
}
