/// A request on its way through the engine, cut into quanta.
///
/// The engine calls a job from one thread at a time, so that it needs no lock of its own; after
/// `complete` or `fail` it does not call again.
protocol Job: AnyObject, Sendable {
  var priority: Priority { get }

  /// Does the next piece of work: at most one chunk of prefill or one step of decoding.
  ///
  /// - Returns: whether this was the last. The job holds no cache any more then.
  func runQuantum(_ executor: Executor) throws(TransformerError) -> Bool

  /// Tells the consumer that all is done; the job's place in the engine is free already.
  func complete()

  /// Gives the cache back. Called before the job's place goes to the next one, which counts on the
  /// memory.
  func releaseCache()

  /// Tells the consumer that there will be no more.
  func fail(_ error: TransformerError)
}
