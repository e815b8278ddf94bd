import Experimentation
import Quality
import ServiceLifecycle
import Synchronization

/// Looks at answers that were sent as the policy in force asks for, and lets nobody wait for it.
///
/// One answer at a time, so that a burst of long ones takes one core and no more. At most
/// `capacityBytes` of text wait; an answer beyond is not looked at and counted, and its outcome is
/// kept without scores: not measured, which is no fault of its model. So it goes with what waits
/// when the service stops.
package final class AnswerScorer: Service {
  /// An answer, and what is done with what was seen of it.
  struct Job: Sendable {
    var answer: CheckedAnswer
    var checks: [AnswerCheck]
    /// Called exactly once, outside of every lock.
    var finish: @Sendable (AnswerScores) -> Void
  }

  private struct Queue {
    var waiting: [Job] = []
    /// Of `waiting`, those that were taken.
    var taken = 0
    var bytes = 0
    var isOver = false
  }

  private let capacityBytes: Int
  private let metrics: GatewayMetrics
  private let queue = Mutex(Queue())
  private let wakeups = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

  /// What a job takes beside its text.
  private static let overheadBytes = 256

  init(capacityBytes: Int = 16 << 20, metrics: GatewayMetrics) {
    self.capacityBytes = capacityBytes
    self.metrics = metrics
  }

  /// Takes an answer, or gives it back without scores; never waits.
  func submit(_ job: Job) {
    let bytes = job.answer.byteCount + Self.overheadBytes
    let isTaken = queue.withLock { queue in
      guard !queue.isOver, queue.bytes + bytes <= capacityBytes else { return false }
      queue.bytes += bytes
      queue.waiting.append(job)
      return true
    }
    if isTaken {
      wakeups.continuation.yield()
    } else {
      metrics.scoresDropped()
      job.finish(AnswerScores())
    }
  }

  /// Looks at answers until the service shuts down; what waits then is given back without scores.
  package func run() async throws {
    await cancelWhenGracefulShutdown { [self] in
      for await _ in wakeups.stream {
        while !Task.isCancelled, let job = next() {
          job.finish(job.answer.scores(job.checks))
        }
      }
    }
    queue.withLock { $0.isOver = true }
    while let job = next() {
      metrics.scoresDropped()
      job.finish(AnswerScores())
    }
  }

  private func next() -> Job? {
    queue.withLock { queue in
      guard queue.taken < queue.waiting.count else { return nil }
      let job = queue.waiting[queue.taken]
      queue.taken += 1
      queue.bytes -= job.answer.byteCount + Self.overheadBytes
      // Moved up now and then, so that taking one is cheap however many wait.
      if queue.taken == queue.waiting.count || queue.taken >= 1_024 {
        queue.waiting.removeFirst(queue.taken)
        queue.taken = 0
      }
      return job
    }
  }
}
