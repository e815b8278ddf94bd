import Synchronization
import Tensors

/// The engine's threads: each leads one quantum at a time, or helps another that does.
///
/// Not Swift's concurrency pool: a quantum computes for milliseconds without a pause.
final class WorkerPool: Sendable {
  private struct State {
    var scheduler: Scheduler
    /// Crews whose leader is inside a quantum, by lane.
    var crews: [Int: Crew] = [:]
    /// Jobs in a worker's hands whose consumer has gone.
    var cancelled: Set<ObjectIdentifier> = []
    var inHand: Set<ObjectIdentifier> = []
    var isStopped = false
    /// When a live job was last there.
    var lastLive: ContinuousClock.Instant?
  }

  /// Shadow work begins after this long without live work, in seconds. Clients that talk to and fro
  /// leave gaps of milliseconds; a shadow quantum begun in one would overlap the next request,
  /// which would slow both and make the shadow look slower than it is.
  private static let quiet = 0.1

  private let monitor = Monitor()
  // Touched inside `monitor.withLock` only.
  nonisolated(unsafe) private var state: State

  init(scheduler: Scheduler) {
    state = State(scheduler: scheduler)
  }

  /// Jobs admitted and jobs waiting.
  func counts(_ priority: Priority) -> (running: Int, waiting: Int) {
    monitor.withLock { state.scheduler.counts(priority) }
  }

  /// - Throws: `overloaded` if the queue is full or the engine has stopped.
  func submit(_ job: any Job) throws(TransformerError) {
    try monitor.withLock { () throws(TransformerError) in
      guard !state.isStopped else {
        throw TransformerError(.overloaded, "the engine has stopped")
      }
      guard state.scheduler.submit(job) else {
        throw TransformerError(
          .overloaded, "the engine's queue for \(job.priority) requests is full; try again later")
      }
      monitor.announceChange()
    }
  }

  /// Ends a job: at once if nobody works on it, else when its quantum is over.
  func cancel(_ job: any Job) {
    let removal: Scheduler.Removal? = monitor.withLock {
      if state.inHand.contains(ObjectIdentifier(job)) {
        state.cancelled.insert(ObjectIdentifier(job))
        return nil
      }
      return state.scheduler.remove(job)
    }
    guard let removal else { return }
    if removal == .admitted {
      job.releaseCache()
      monitor.withLock {
        state.scheduler.freePlace(job.priority)
        monitor.announceChange()
      }
    }
    job.fail(Self.gone)
  }

  /// Ends all jobs, and lets the workers return after the quantum they are in.
  func stop() {
    let jobs = monitor.withLock {
      state.isStopped = true
      monitor.announceChange()
      return state.scheduler.removeAll()
    }
    for job in jobs {
      job.releaseCache()
      job.fail(Self.gone)
    }
  }

  /// A worker's life; returns after `stop`.
  func work(_ executor: Executor) {
    while let action = nextAction(executor) {
      switch action {
      case .lead(let quantum): lead(quantum, executor)
      case .help(let crew): crew.help(lane: executor.lane)
      }
    }
  }

  private enum Action {
    case lead(Scheduler.Quantum)
    case help(Crew)
  }

  private func nextAction(_ executor: Executor) -> Action? {
    monitor.withLock {
      while !state.isStopped {
        let unquiet = unquietSeconds()
        if let quantum = state.scheduler.next(allowsShadow: unquiet <= 0) {
          state.inHand.formUnion(quantum.jobs.map { ObjectIdentifier($0) })
          executor.crew.open()
          state.crews[executor.lane] = executor.crew
          monitor.announceChange()
          return .lead(quantum)
        }
        if let crew = state.crews.values.min(by: { $0.size < $1.size }) { return .help(crew) }
        if unquiet > 0, state.scheduler.hasReadyShadow {
          monitor.waitForChange(atMost: unquiet)
        } else {
          monitor.waitForChange()
        }
      }
      return nil
    }
  }

  /// How long shadow work has to wait yet. Call with the lock held.
  private func unquietSeconds() -> Double {
    if state.scheduler.hasLive { state.lastLive = .now }
    return state.lastLive.map { Self.quiet - (.now - $0).seconds } ?? 0
  }

  private func lead(_ quantum: Scheduler.Quantum, _ executor: Executor) {
    let results = executor.run(quantum)
    executor.crew.close()
    let jobs = quantum.jobs
    // Caches first: whoever gets a job's place counts on its memory.
    let isEnding = monitor.withLock {
      zip(jobs, results).map { job, result in
        state.isStopped || state.cancelled.contains(ObjectIdentifier(job)) || result.isLast
      }
    }
    for (job, isEnding) in zip(jobs, isEnding) where isEnding { job.releaseCache() }
    let isGone = monitor.withLock {
      var turns: [Turn?] = []
      var isGone: [Bool] = []
      for (job, result) in zip(jobs, results) {
        let isCancelled = state.cancelled.remove(ObjectIdentifier(job)) != nil
        let isOver = isCancelled || state.isStopped
        state.inHand.remove(ObjectIdentifier(job))
        isGone.append(isOver && !result.isLast)
        turns.append(isOver ? nil : result.turn)
        if job.priority == .live { state.lastLive = .now }
      }
      state.crews[executor.lane] = nil
      state.scheduler.putBack(quantum, turns: turns)
      monitor.announceChange()
      return isGone
    }
    for (place, job) in jobs.enumerated() {
      if isGone[place] {
        job.fail(Self.gone)
      } else if case .failure(let error) = results[place] {
        job.fail(error)
      } else if results[place].isLast {
        job.complete()
      }
    }
  }

  private static let gone = TransformerError(.cancelled, "nobody waits for this answer any more")
}

extension Result where Success == Turn?, Failure == TransformerError {
  /// What the job does next, `nil` if nothing.
  fileprivate var turn: Turn? {
    if case .success(let turn) = self { turn } else { nil }
  }

  fileprivate var isLast: Bool { turn == nil }
}
