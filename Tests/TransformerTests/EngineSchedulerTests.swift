import Testing

@testable import Transformer

/// The rules of turn-taking, as a value.
struct EngineSchedulerTests {
  /// A job that is only a name: the scheduler never looks inside.
  private final class Named: Job {
    let name: String
    let priority: Priority

    init(_ name: String, _ priority: Priority = .live) {
      self.name = name
      self.priority = priority
    }

    func runQuantum(_ executor: Executor) throws(TransformerError) -> Bool { true }
    func complete() {}
    func releaseCache() {}
    func fail(_ error: TransformerError) {}
  }

  /// A scheduler that tests may change inside `#expect`.
  private final class Turns {
    private var scheduler: Scheduler

    init(running: Int = 2, waiting: Int = 2) {
      scheduler = Scheduler(
        live: .init(running: running, waiting: waiting),
        shadow: .init(running: 1, waiting: waiting))
    }

    func submit(_ job: Named) -> Bool { scheduler.submit(job) }
    func next() -> (any Job)? { scheduler.next() }
    func putBack(_ job: any Job, isFinished: Bool) {
      scheduler.putBack(job, isFinished: isFinished)
    }
    /// Removes for good, as the engine does once the job's cache is given back.
    func remove(_ job: Named) -> Bool {
      let removal = scheduler.remove(job)
      if removal == .admitted { scheduler.freePlace(job.priority) }
      return removal != nil
    }
    func counts(_ priority: Priority) -> (running: Int, waiting: Int) {
      scheduler.counts(priority)
    }
  }

  /// Runs quanta one after another; `quanta` says how many each job needs.
  private static func order(_ scheduler: Turns, quanta: [String: Int]) -> [String] {
    var left = quanta
    var names: [String] = []
    while let job = scheduler.next() {
      let name = (job as? Named)?.name ?? ""
      names.append(name)
      left[name, default: 1] -= 1
      scheduler.putBack(job, isFinished: left[name] == 0)
    }
    return names
  }

  @Test func `jobs of a priority take turns in the order they came`() {
    let scheduler = Turns()
    for name in ["a", "b", "c"] { #expect(scheduler.submit(Named(name))) }
    let order = Self.order(scheduler, quanta: ["a": 3, "b": 2, "c": 2])
    // c waits until b has finished, for two may run.
    #expect(order == ["a", "b", "a", "b", "a", "c", "c"])
  }

  @Test func `shadow jobs run only while no live job does`() {
    let scheduler = Turns()
    #expect(scheduler.submit(Named("shadow", .shadow)))
    let shadow = scheduler.next()
    #expect(scheduler.submit(Named("live")))
    // A live job that arrives during a shadow quantum is next, before the shadow's second.
    if let shadow { scheduler.putBack(shadow, isFinished: false) }
    let live = scheduler.next()
    #expect((live as? Named)?.name == "live")
    #expect(scheduler.next() == nil, "shadow work beside live work")
    if let live { scheduler.putBack(live, isFinished: false) }
    let order = Self.order(scheduler, quanta: ["live": 2, "shadow": 1])
    #expect(order == ["live", "live", "shadow"])
  }

  @Test func `a full queue refuses, and shadow jobs do not fill the live one`() {
    let scheduler = Turns(running: 1, waiting: 2)
    for name in ["a", "b", "c"] { #expect(scheduler.submit(Named(name, .shadow))) }
    #expect(!scheduler.submit(Named("d", .shadow)))
    for name in ["e", "f", "g"] { #expect(scheduler.submit(Named(name))) }
    #expect(!scheduler.submit(Named("h")))
    #expect(scheduler.counts(.live) == (running: 1, waiting: 2))
  }

  @Test func `a removed job frees its place`() {
    let scheduler = Turns(running: 1, waiting: 1)
    let (a, b) = (Named("a"), Named("b"))
    #expect(scheduler.submit(a) && scheduler.submit(b))
    #expect(!scheduler.submit(Named("c")))
    #expect(scheduler.remove(a))
    #expect(!scheduler.remove(a), "removed twice")
    #expect(scheduler.submit(Named("d")))
    #expect(Self.order(scheduler, quanta: [:]) == ["b", "d"])
  }

  @Test func `a job in a worker's hands is not removed`() {
    let scheduler = Turns()
    let job = Named("a")
    #expect(scheduler.submit(job))
    #expect(scheduler.next() === job)
    #expect(!scheduler.remove(job))
  }
}
