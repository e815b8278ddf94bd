import Statistics
import Synchronization

/// Runs the jobs of a simulated world one at a time, in an order that the seed chooses.
///
/// Tasks that prefer it, and the actors they enter, hand every job to it. So of all orders in which
/// a machine with many cores might have run them each seed tries one, and the same seed tries the
/// same one again (after FoundationDB's simulator: Zhou et al., "FoundationDB: a distributed
/// unbundled transactional key value store", SIGMOD 2021, section 4).
final class SeededExecutor: TaskExecutor {
  private struct State {
    var generator: SeededGenerator
    var jobs: [UnownedJob] = []
  }

  private let state: Mutex<State>

  init(seed: UInt64) {
    state = Mutex(State(generator: SeededGenerator(seed: seed)))
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    state.withLock { $0.jobs.append(job) }
  }

  /// Runs one of the jobs that wait, on the calling thread.
  ///
  /// - Returns: `false` when none waits
  func runOne() -> Bool {
    let job = state.withLock { state -> UnownedJob? in
      guard !state.jobs.isEmpty else { return nil }
      let place = Int(state.generator.uniform() * Double(state.jobs.count))
      state.jobs.swapAt(place, state.jobs.count - 1)
      return state.jobs.popLast()
    }
    guard let job else { return false }
    job.runSynchronously(on: asUnownedTaskExecutor())
    return true
  }
}

/// Runs a world from its seed to its end.
package enum Schedule {
  /// Steps after which a world that does not end is given up.
  package static let greatestSteps = 200_000_000

  /// Runs `body` and its children on one thread, with virtual time.
  ///
  /// - Parameters:
  ///   - seed: chooses which of several jobs runs next
  ///   - clock: moves to the next deadline whenever everybody waits
  ///   - afterStep: called after each job; it sees what no job is in the middle of
  /// - Returns: what `body` returns; `nil` if it waits for what never comes
  package static func run<Result: Sendable>(
    seed: UInt64, clock: VirtualClock, afterStep: () -> Void = {},
    _ body: @escaping @Sendable () async -> Result
  ) async -> Result? {
    let executor = SeededExecutor(seed: seed)
    return await withTaskGroup(of: Result.self) { group in
      group.addTask(executorPreference: executor) { await body() }
      var steps = 0
      while steps < greatestSteps {
        if executor.runOne() {
          steps += 1
          afterStep()
        } else if !clock.wakeNext() {
          break
        }
      }
      if steps == greatestSteps {
        group.cancelAll()
        while executor.runOne() || clock.wakeNext() {}
        return nil
      }
      return await group.next()
    }
  }
}
