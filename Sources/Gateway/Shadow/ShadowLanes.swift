import Experimentation
import Routing

/// Which shadow runs next: bounded queues with a concurrency and a day's tokens for each candidate.
///
/// A value without clock or tasks; `ShadowDispatcher` acts on what it says.
struct ShadowLanes {
  private struct Lane {
    var waiting: [ShadowJob] = []
    var running = 0
    var day: Int64 = 0
    var tokensToday = 0
  }

  private let capacity: Int
  private let capacityBytes: Int
  private var lanes: [ModelName: Lane] = [:]
  private var waiting = 0
  private var waitingBytes = 0

  /// - Parameters:
  ///   - capacity: jobs that may wait in one lane, so that a candidate that hangs takes no room
  ///     from others
  ///   - capacityBytes: bytes that may wait in all of them
  init(capacity: Int, capacityBytes: Int) {
    self.capacity = capacity
    self.capacityBytes = capacityBytes
  }

  /// Jobs that wait or run.
  var pending: Int { waiting + lanes.values.reduce(0) { $0 + $1.running } }

  /// Takes a job in, or says why not.
  ///
  /// - Parameter day: days since 1970, UTC; another day gives the budget back. The budget is kept
  ///   in memory: a restart gives it back too.
  mutating func enqueue(_ job: ShadowJob, day: Int64) -> ShadowDrop? {
    guard hasBudget(for: job, day: day) else { return .tokenBudget }
    var lane = lanes[job.rule.model] ?? Lane()
    guard lane.waiting.count < capacity, waitingBytes + job.byteCount <= capacityBytes else {
      return .queueFull
    }
    lane.waiting.append(job)
    lanes[job.rule.model] = lane
    waiting += 1
    waitingBytes += job.byteCount
    return nil
  }

  /// Whether the day's tokens are not spent yet. Asked again before a job begins: what ran while it
  /// waited counts, so that a budget is passed by no more than the jobs under way at once.
  mutating func hasBudget(for job: ShadowJob, day: Int64) -> Bool {
    var lane = lanes[job.rule.model] ?? Lane()
    if lane.day != day {
      lane.day = day
      lane.tokensToday = 0
      lanes[job.rule.model] = lane
    }
    return job.rule.traffic.tokensPerDay.map { lane.tokensToday < $0 } ?? true
  }

  /// The next job that may begin now, or `nil`.
  mutating func next() -> ShadowJob? {
    for (model, var lane) in lanes {
      guard let job = lane.waiting.first, lane.running < job.rule.traffic.concurrency else {
        continue
      }
      lane.waiting.removeFirst()
      lane.running += 1
      lanes[model] = lane
      waiting -= 1
      waitingBytes -= job.byteCount
      return job
    }
    return nil
  }

  /// Frees the place of a job that `next` gave out.
  mutating func finish(_ model: ModelName, tokens: Int) {
    lanes[model]?.running -= 1
    lanes[model]?.tokensToday += tokens
  }

  /// Takes out everything that waits.
  mutating func removeAll() -> [ShadowJob] {
    let jobs = lanes.values.flatMap(\.waiting)
    for model in lanes.keys { lanes[model]?.waiting = [] }
    waiting = 0
    waitingBytes = 0
    return jobs
  }
}
