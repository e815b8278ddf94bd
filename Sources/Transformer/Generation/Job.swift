/// A request on its way through the engine, cut into quanta.
///
/// The engine calls `runQuantum`, `fail` and `drop` from one thread at a time, so that a job needs
/// no lock of its own.
protocol Job: AnyObject, Sendable {
  var priority: Priority { get }

  /// Does the next piece of work: at most one chunk of prefill or one step of decoding.
  ///
  /// - Returns: whether this was the last; the job has told its consumer then.
  func runQuantum(_ executor: Executor) throws(TransformerError) -> Bool

  /// Tells the consumer that there will be no more.
  func fail(_ error: TransformerError)
}
