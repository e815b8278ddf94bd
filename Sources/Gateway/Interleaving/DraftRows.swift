import Backends
import Experimentation
import OpenAIAPI
import Synchronization

/// One row for each model that a drafted answer asks, promised when the request was assigned and
/// closed once, with the places that were its own.
///
/// Rows that nobody closed (the connection broke before the answer's body was asked for) close as
/// cancelled when this is dropped.
final class DraftRows: Sendable {
  private struct Row {
    var number: UInt64?
    /// Seconds from receiving the request to the model's first piece of a stream.
    var firstToken: Double?
  }

  private let gateway: Gateway
  private let destination: Destination
  private let requestID: String
  private let received: ContinuousClock.Instant
  private let open: Mutex<[ModelName: Row]>

  init(
    _ destination: Destination, requestID: String, received: ContinuousClock.Instant,
    gateway: Gateway
  ) {
    self.gateway = gateway
    self.destination = destination
    self.requestID = requestID
    self.received = received
    let route = destination.assignment?.route
    let rows = destination.draftedModels.map { model in
      (model, Row(number: route.flatMap { gateway.recorder.openOutcome(on: $0) }))
    }
    open = Mutex(Dictionary(rows, uniquingKeysWith: { first, _ in first }))
  }

  deinit { closeRest(.cancelled) }

  /// A piece of the model's part of a stream came.
  func noteToken(of model: ModelName) {
    let now = received.duration(to: .now).seconds
    open.withLock { rows in
      guard rows[model]?.firstToken == nil else { return }
      rows[model]?.firstToken = now
    }
  }

  /// Closes the row of a model that gave its part.
  func close(_ model: ModelName, _ measurements: Measurements) {
    guard let row = open.withLock({ $0.removeValue(forKey: model) }) else { return }
    close(row, of: model, measurements)
  }

  /// Closes the row of a model that failed, perhaps after some of its part.
  func close(_ model: ModelName, failing failure: FailureClass) {
    guard let row = open.withLock({ $0.removeValue(forKey: model) }) else { return }
    close(row, of: model, failed(row, failure))
  }

  /// Closes all rows that are open still.
  ///
  /// - Parameter begun: of models that have given some of their part; as the others where `nil`
  func closeRest(_ failure: FailureClass, begun: FailureClass? = nil) {
    let left = open.withLock { rows in
      defer { rows = [:] }
      return rows
    }
    for (model, row) in left {
      close(row, of: model, failed(row, row.firstToken == nil ? failure : begun ?? failure))
    }
  }

  private func failed(_ row: Row, _ failure: FailureClass) -> Measurements {
    Measurements(
      timeToFirstTokenSeconds: row.firstToken,
      totalSeconds: received.duration(to: .now).seconds, failure: failure)
  }

  private func close(_ row: Row, of model: ModelName, _ measurements: Measurements) {
    gateway.metrics.answered(
      model, measurements,
      overheadSeconds: max(0, received.duration(to: .now).seconds - measurements.totalSeconds))
    guard let number = row.number, let assignment = destination.assignment else { return }
    gateway.recorder.closeOutcome(
      number,
      with: Outcome(
        requestID: requestID, assignment: assignment, model: model, measurements: measurements,
        choices: destination.places(of: model), draw: destination.draw))
  }
}

extension Destination {
  /// Each drafted model once, in the order of its first place.
  var draftedModels: [ModelName] {
    draft.reduce(into: []) { models, model in
      if !models.contains(model) { models.append(model) }
    }
  }

  /// Where the choices of `model` stand.
  func places(of model: ModelName) -> [Int] { draft.indices.filter { draft[$0] == model } }
}
