import CoreMetrics
import Transformer

/// How busy the embedded engine is, as gauges that are set when somebody asks for the metrics.
struct EngineMetrics: Sendable {
  private let runningBytes: any RecorderHandler
  private let prefixBytes: any RecorderHandler
  private let jobs: [(handler: any RecorderHandler, count: @Sendable (Engine.Load) -> Int)]

  init(factory: any MetricsFactory) {
    func gauge(_ label: String, _ dimensions: [(String, String)]) -> any RecorderHandler {
      factory.makeRecorder(label: label, dimensions: dimensions, aggregate: false)
    }
    runningBytes = gauge("rollout_engine_cache_bytes", [("use", "running")])
    prefixBytes = gauge("rollout_engine_cache_bytes", [("use", "prefixes")])
    func job(
      _ priority: String, _ state: String, _ count: @escaping @Sendable (Engine.Load) -> Int
    ) -> (any RecorderHandler, @Sendable (Engine.Load) -> Int) {
      (gauge("rollout_engine_requests", [("priority", priority), ("state", state)]), count)
    }
    jobs = [
      job("live", "running") { $0.runningLive }, job("live", "waiting") { $0.waitingLive },
      job("shadow", "running") { $0.runningShadow }, job("shadow", "waiting") { $0.waitingShadow },
    ]
  }

  func observe(_ load: Engine.Load) {
    runningBytes.record(Int64(load.cacheBytes))
    prefixBytes.record(Int64(load.prefixBytes))
    for job in jobs { job.handler.record(Int64(job.count(load))) }
  }
}
