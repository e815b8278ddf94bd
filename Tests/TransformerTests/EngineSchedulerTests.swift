import Testing

@testable import Transformer

/// The rules of turn-taking, as a value.
struct EngineSchedulerTests {
  /// A job that is only a name: the scheduler never looks inside.
  private final class Named: SteppingJob {
    let name: String
    let priority: Priority
    let weights: Weights

    init(_ name: String, _ priority: Priority = .live, _ weights: Weights) {
      self.name = name
      self.priority = priority
      self.weights = weights
    }

    func runQuantum(_ executor: Executor) throws(TransformerError) -> Turn? { nil }
    func beginStep(_ pass: ForwardPass) throws(TransformerError) -> SequenceRows {
      throw TransformerError(.invalidRequest, "only a name")
    }
    func draw(from logits: UnsafeMutableBufferPointer<Float>) {}
    func endStep(seconds: Double) throws(TransformerError) -> Turn? { nil }
    func complete() {}
    func releaseCache() {}
    func fail(_ error: TransformerError) {}
  }

  private static let weights = Result { try EngineTinyModel().weights() }

  private func job(
    _ name: String, _ priority: Priority = .live, _ weights: Weights? = nil
  ) throws -> Named {
    try Named(name, priority, weights ?? Self.weights.get())
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
    func next() -> Scheduler.Quantum? { scheduler.next() }
    func putBack(_ quantum: Scheduler.Quantum, turns: [Turn?]) {
      scheduler.putBack(quantum, turns: turns)
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

  /// The names in a quantum; those of a step are joined by a plus.
  private static func name(_ quantum: Scheduler.Quantum?) -> String? {
    quantum?.jobs.compactMap { ($0 as? Named)?.name }.joined(separator: "+")
  }

  /// Runs quanta one after another.
  ///
  /// - Parameter work: by name, the chunks that each job needs, and the steps after them; one chunk
  ///   for others
  private static func order(_ scheduler: Turns, _ work: [String: (Int, Int)]) -> [String] {
    var left = work
    var names: [String] = []
    while let quantum = scheduler.next() {
      names.append(name(quantum) ?? "")
      let turns = quantum.jobs.map { job -> Turn? in
        guard let job = job as? Named else { return nil }
        var (chunks, steps) = left[job.name] ?? (1, 0)
        if case .chunk = quantum { chunks -= 1 } else { steps -= 1 }
        left[job.name] = (chunks, steps)
        return chunks > 0 ? .chunk : steps > 0 ? .step(job) : nil
      }
      scheduler.putBack(quantum, turns: turns)
    }
    return names
  }

  @Test func `chunks of a priority take turns in the order their jobs came`() throws {
    let scheduler = Turns()
    for name in ["a", "b", "c"] { #expect(try scheduler.submit(job(name))) }
    let order = Self.order(scheduler, ["a": (3, 0), "b": (2, 0), "c": (2, 0)])
    // c waits until b has finished, for two may run.
    #expect(order == ["a", "b", "a", "b", "a", "c", "c"])
  }

  @Test func `steps of the same weights are shared, and take turns with chunks`() throws {
    let scheduler = Turns(running: 4)
    for name in ["a", "b", "c"] { #expect(try scheduler.submit(job(name))) }
    let order = Self.order(scheduler, ["a": (1, 4), "b": (1, 2), "c": (3, 1)])
    // The first step of weights is a lone one: it tells what one costs.
    #expect(order == ["a", "a", "b", "a+b", "c", "a+b", "c", "a", "c", "c"])
  }

  @Test func `a step has a bound, and who waits longest goes first`() throws {
    let count = Scheduler.stepLimit + 2
    let scheduler = Turns(running: count, waiting: count)
    let names = (0..<count).map { "\($0)" }
    for name in names { #expect(try scheduler.submit(job(name))) }
    // All chunks are handed out before the first comes back.
    let chunks = names.compactMap { _ in scheduler.next() }
    #expect(chunks.map { Self.name($0) } == names)
    for chunk in chunks {
      scheduler.putBack(chunk, turns: [(chunk.jobs[0] as? Named).map { .step($0) }])
    }
    var steps: [String] = []
    for _ in 0..<3 {
      guard let step = scheduler.next(), case .step(let jobs) = step else { break }
      steps.append(Self.name(step) ?? "")
      scheduler.putBack(step, turns: jobs.map { .step($0) })
    }
    let first = names[1...Scheduler.stepLimit].joined(separator: "+")
    let second = [names.last ?? "", "0"] + names[1..<Scheduler.stepLimit - 1]
    #expect(steps == ["0", first, second.joined(separator: "+")])
  }

  @Test func `one step of some weights is in flight at a time, others go beside it`() throws {
    let other = try EngineTinyModel(seed: 2).weights()
    let scheduler = Turns(running: 4)
    let jobs = try [job("a"), job("b"), job("x", .live, other)]
    for job in jobs { #expect(scheduler.submit(job)) }
    let chunks = jobs.compactMap { _ in scheduler.next() }
    for (chunk, job) in zip(chunks, jobs) { scheduler.putBack(chunk, turns: [.step(job)]) }
    let step = try #require(scheduler.next())
    #expect(Self.name(step) == "a")
    // b would go by itself, and read the weights a second time.
    #expect(Self.name(scheduler.next()) == "x")
    #expect(Self.name(scheduler.next()) == nil)
    scheduler.putBack(step, turns: [.step(jobs[0])])
    #expect(Self.name(scheduler.next()) == "b+a")
  }

  @Test func `now and then a step is a lone one`() throws {
    let scheduler = Turns()
    for name in ["a", "b"] { #expect(try scheduler.submit(job(name))) }
    let order = Self.order(scheduler, ["a": (1, 500), "b": (1, 500)])
    let lone = order.indices.filter { !order[$0].contains("+") }
    // Both chunks, the first step, and from then on at even distances until one has ended.
    #expect(lone.count > 5)
    for (one, next) in zip(lone.dropFirst(2), lone.dropFirst(3))
    where order[next...].contains(where: { $0.contains("+") }) {
      #expect(next - one == Scheduler.loneStepInterval + 1)
    }
  }

  @Test func `shadow jobs run only while no live job does`() throws {
    let scheduler = Turns()
    #expect(try scheduler.submit(job("shadow", .shadow)))
    let shadow = scheduler.next()
    #expect(try scheduler.submit(job("live")))
    // A live job that arrives during a shadow quantum is next, before the shadow's second.
    if let shadow { scheduler.putBack(shadow, turns: [.chunk]) }
    let live = scheduler.next()
    #expect(Self.name(live) == "live")
    #expect(Self.name(scheduler.next()) == nil, "shadow work beside live work")
    if let live { scheduler.putBack(live, turns: [.chunk]) }
    let order = Self.order(scheduler, ["live": (1, 1), "shadow": (1, 1)])
    #expect(order == ["live", "live", "shadow", "shadow"])
  }

  @Test func `a full queue refuses, and shadow jobs do not fill the live one`() throws {
    let scheduler = Turns(running: 1, waiting: 2)
    for name in ["a", "b", "c"] { #expect(try scheduler.submit(job(name, .shadow))) }
    #expect(try !scheduler.submit(job("d", .shadow)))
    for name in ["e", "f", "g"] { #expect(try scheduler.submit(job(name))) }
    #expect(try !scheduler.submit(job("h")))
    #expect(scheduler.counts(.live) == (running: 1, waiting: 2))
  }

  @Test func `a removed job frees its place`() throws {
    let scheduler = Turns(running: 1, waiting: 1)
    let (a, b) = (try job("a"), try job("b"))
    #expect(scheduler.submit(a) && scheduler.submit(b))
    #expect(try !scheduler.submit(job("c")))
    #expect(scheduler.remove(a))
    #expect(!scheduler.remove(a), "removed twice")
    #expect(try scheduler.submit(job("d")))
    #expect(Self.order(scheduler, [:]) == ["b", "d"])
  }

  @Test func `a job in a worker's hands is not removed, one that waits for a step is`() throws {
    let scheduler = Turns()
    let job = try job("a")
    #expect(scheduler.submit(job))
    let quantum = try #require(scheduler.next())
    #expect(!scheduler.remove(job))
    scheduler.putBack(quantum, turns: [.step(job)])
    #expect(scheduler.remove(job))
    #expect(Self.name(scheduler.next()) == nil)
  }
}
