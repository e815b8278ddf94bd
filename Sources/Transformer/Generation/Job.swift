/// A request on its way through the engine, cut into quanta.
///
/// The engine calls a job from one thread at a time, so that it needs no lock of its own; after
/// `complete` or `fail` it does not call again.
protocol Job: AnyObject, Sendable {
  var priority: Priority { get }

  /// Does the next piece of work that fills a pass by itself: at most one chunk.
  ///
  /// - Returns: what comes next, or `nil` if this was the last. The job holds no cache any more
  ///   then.
  func runQuantum(_ executor: Executor) throws(TransformerError) -> Turn?

  /// Tells the consumer that all is done; the job's place in the engine is free already.
  func complete()

  /// Gives the cache back. Called before the job's place goes to the next one, which counts on the
  /// memory.
  func releaseCache()

  /// Tells the consumer that there will be no more.
  func fail(_ error: TransformerError)
}

/// What a job does when it is its turn.
enum Turn {
  /// A chunk of text: a pass of its own.
  case chunk
  /// One row of a pass that it shares with others of the same weights.
  case step(any SteppingJob)
}

/// A job that goes on token by token, in passes that it shares with others.
protocol SteppingJob: Job {
  var weights: Weights { get }

  /// Makes room for the next token.
  ///
  /// - Parameter pass: the one that the step will be
  /// - Returns: one row
  /// - Throws: `cacheFull`
  func beginStep(_ pass: ForwardPass) throws(TransformerError) -> SequenceRows

  /// Draws the next token, and keeps it until `endStep`. Called on any thread of the crew.
  func draw(from logits: UnsafeMutableBufferPointer<Float>)

  /// Tells of what was drawn.
  ///
  /// - Parameter seconds: what the step cost this job, its drawing not counted
  /// - Returns: as `runQuantum` does
  /// - Throws: what drawing failed with
  func endStep(seconds: Double) throws(TransformerError) -> Turn?
}
