/// Who computes next. A value without clocks or threads, guarded by the engine's lock.
///
/// Rules
///   - Shadow jobs run only while no live job does, so that live work never shares a pass or the
///     memory bus with them; a live job that arrives during a shadow quantum waits for the rest of
///     it.
///   - Within a priority, chunks and steps take turns, so that neither a long prompt nor many
///     answers hold up the other. Jobs with chunks take turns in the order they came.
///   - All jobs that are ready for a step with the same weights share it, up to `stepLimit`, the
///     longest waiting first. Weights have one step in flight at a time: who comes meanwhile joins
///     the next, and idle threads help. So a weight is read once for all.
///   - One step in `loneStepInterval` of the same weights is taken by one job alone: the yardstick
///     by which shared steps are charged (`Yardstick`).
struct Scheduler {
  /// Bounds for one priority.
  package struct Limits: Hashable, Sendable {
    /// Jobs that hold a KV cache and take turns.
    package var running: Int
    /// Jobs that wait for a place among them; more are refused.
    package var waiting: Int
  }

  /// What one worker does at a time.
  enum Quantum {
    case chunk(any Job)
    /// At least one, all of the same weights.
    case step([any SteppingJob])

    var jobs: [any Job] {
      switch self {
      case .chunk(let job): [job]
      case .step(let jobs): jobs
      }
    }
  }

  /// Jobs that share a step at most: each needs its row of logits.
  static let stepLimit = Workspace.logitRows
  static let loneStepInterval = 64

  private struct Line {
    let limits: Limits
    /// Admitted jobs, those in a worker's hands included.
    var running = 0
    /// Admitted jobs that nobody works on now, by what they do next.
    var chunks: [any Job] = []
    var steps: [any SteppingJob] = []
    var waiting: [any Job] = []
    var lastWasChunk = false

    mutating func admit() {
      while running < limits.running, !waiting.isEmpty {
        chunks.append(waiting.removeFirst())
        running += 1
      }
    }
  }

  private var live: Line
  private var shadow: Line
  /// Weights with a step in a worker's hands.
  private var stepping: Set<ObjectIdentifier> = []
  /// Steps since the last lone one.
  private var sharedSteps: [ObjectIdentifier: Int] = [:]

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
  var hasReadyShadow: Bool {
    live.running == 0 && !(shadow.chunks.isEmpty && shadow.steps.isEmpty)
  }

  /// The work whose turn it is, now in the caller's hands, or `nil` if nothing may run.
  mutating func next(allowsShadow: Bool = true) -> Quantum? {
    if let quantum = next(of: .live) { return quantum }
    guard allowsShadow, hasReadyShadow else { return nil }
    return next(of: .shadow)
  }

  /// Takes jobs back after their quantum.
  ///
  /// - Parameter turns: what each of the quantum's jobs does next; `nil` for those that have ended
  mutating func putBack(_ quantum: Quantum, turns: [Turn?]) {
    if case .step(let jobs) = quantum, let weights = jobs.first?.weights {
      stepping.remove(ObjectIdentifier(weights))
    }
    for (job, turn) in zip(quantum.jobs, turns) {
      withLine(job.priority) { line in
        switch turn {
        case .chunk: line.chunks.append(job)
        case .step(let job): line.steps.append(job)
        case nil:
          line.running -= 1
          line.admit()
        }
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
      if let index = line.chunks.firstIndex(where: { $0 === job }) {
        line.chunks.remove(at: index)
        return .admitted
      }
      guard let index = line.steps.firstIndex(where: { $0 === job }) else { return nil }
      line.steps.remove(at: index)
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
    let jobs = [live, shadow].flatMap { $0.chunks + $0.steps + $0.waiting }
    for job in jobs where remove(job) == .admitted {
      withLine(job.priority) { $0.running -= 1 }
    }
    return jobs
  }

  private mutating func next(of priority: Priority) -> Quantum? {
    let line = priority == .live ? live : shadow
    if line.lastWasChunk || line.chunks.isEmpty, let jobs = takeStep(priority) {
      withLine(priority) { $0.lastWasChunk = false }
      return .step(jobs)
    }
    guard !line.chunks.isEmpty else { return nil }
    return withLine(priority) { line in
      line.lastWasChunk = true
      return .chunk(line.chunks.removeFirst())
    }
  }

  /// The jobs of the next step, or `nil` if none is ready.
  private mutating func takeStep(_ priority: Priority) -> [any SteppingJob]? {
    let ready = priority == .live ? live.steps : shadow.steps
    guard let first = ready.first(where: { !stepping.contains(ObjectIdentifier($0.weights)) })
    else { return nil }
    let weights = ObjectIdentifier(first.weights)
    let isLone = sharedSteps[weights, default: Self.loneStepInterval] >= Self.loneStepInterval
    let jobs = ready.filter { $0.weights === first.weights }
      .prefix(isLone ? 1 : Self.stepLimit)
    // Weights come and go with policies; what is forgotten is only when they were measured.
    if sharedSteps.count > 64 { sharedSteps = [:] }
    sharedSteps[weights] = jobs.count == 1 ? 0 : sharedSteps[weights, default: 0] + 1
    stepping.insert(weights)
    withLine(priority) { line in
      line.steps.removeAll { job in jobs.contains { $0 === job } }
    }
    return Array(jobs)
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
