/// Who computes next. A value without clocks or threads, guarded by the engine's lock.
///
/// Within a priority jobs take turns, quantum by quantum, in the order they came. Shadow jobs run
/// only while no live job does, so that live work never shares the memory bus with them; a live job
/// that arrives during a shadow quantum waits for the rest of it.
struct Scheduler {
  /// Bounds for one priority.
  package struct Limits: Hashable, Sendable {
    /// Jobs that hold a KV cache and take turns.
    package var running: Int
    /// Jobs that wait for a place among them; more are refused.
    package var waiting: Int
  }

  private struct Line {
    let limits: Limits
    /// Admitted jobs, those in a worker's hands included.
    var running = 0
    /// Admitted jobs that nobody works on now.
    var ready: [any Job] = []
    var waiting: [any Job] = []

    mutating func admit() {
      while running < limits.running, !waiting.isEmpty {
        ready.append(waiting.removeFirst())
        running += 1
      }
    }
  }

  private var live: Line
  private var shadow: Line

  init(live: Limits, shadow: Limits) {
    self.live = Line(limits: live)
    self.shadow = Line(limits: shadow)
  }

  /// Jobs admitted and jobs waiting.
  func counts(_ priority: Priority) -> (running: Int, waiting: Int) {
    let line = priority == .live ? live : shadow
    return (line.running, line.waiting.count)
  }

  /// Takes a job in, or returns false if its line is full.
  mutating func submit(_ job: any Job) -> Bool {
    withLine(job.priority) { line in
      guard line.running < line.limits.running || line.waiting.count < line.limits.waiting else {
        return false
      }
      line.waiting.append(job)
      line.admit()
      return true
    }
  }

  /// Whether live jobs are admitted, in somebody's hands or not.
  var hasLive: Bool { live.running > 0 }

  /// Whether a shadow job waits for nothing but its turn.
  var hasReadyShadow: Bool { live.running == 0 && !shadow.ready.isEmpty }

  /// The job whose turn it is, now in the caller's hands, or `nil` if nothing may run.
  mutating func next(allowsShadow: Bool = true) -> (any Job)? {
    if !live.ready.isEmpty { return live.ready.removeFirst() }
    guard allowsShadow, hasReadyShadow else { return nil }
    return shadow.ready.removeFirst()
  }

  /// Takes a job back after a quantum.
  mutating func putBack(_ job: any Job, isFinished: Bool) {
    withLine(job.priority) { line in
      if isFinished {
        line.running -= 1
        line.admit()
      } else {
        line.ready.append(job)
      }
    }
  }

  /// Where a job was that is removed.
  enum Removal { case waiting, admitted }

  /// Removes a job that nobody works on; `nil` if somebody does, or if it is gone. The place of an
  /// admitted one stays taken until `freePlace`: its cache has to be given back first.
  mutating func remove(_ job: any Job) -> Removal? {
    withLine(job.priority) { line in
      if let index = line.waiting.firstIndex(where: { $0 === job }) {
        line.waiting.remove(at: index)
        return .waiting
      }
      guard let index = line.ready.firstIndex(where: { $0 === job }) else { return nil }
      line.ready.remove(at: index)
      return .admitted
    }
  }

  /// Gives the place of a removed job to the next that waits.
  mutating func freePlace(_ priority: Priority) {
    withLine(priority) { line in
      line.running -= 1
      line.admit()
    }
  }

  /// Removes all jobs that nobody works on, for good.
  mutating func removeAll() -> [any Job] {
    let jobs = live.ready + live.waiting + shadow.ready + shadow.waiting
    for job in jobs where remove(job) == .admitted {
      withLine(job.priority) { $0.running -= 1 }
    }
    return jobs
  }

  private mutating func withLine<Result>(
    _ priority: Priority, _ body: (inout Line) -> Result
  ) -> Result {
    switch priority {
    case .live: body(&live)
    case .shadow: body(&shadow)
    }
  }
}
