import Backends
import Experimentation
import Hummingbird
import OpenAIAPI
import Synchronization

/// An answer with several choices, some of each model: asked, put together, recorded.
///
/// Each drafted model is asked once, for as many choices as it has places, all at the same time;
/// the answer is there when the last of them is. A candidate that fails costs nobody their answer:
/// the incumbent fills its places, and nobody's preference is read from such an answer. If the
/// incumbent fails, the request does, as it would have without a rollout.
struct InterleavedAnswer: Sendable {
  let gateway: Gateway
  let request: ChatCompletionRequest
  let requestID: String
  let destination: Destination
  let deadline: ContinuousClock.Instant
  let received: ContinuousClock.Instant

  /// What one model gave.
  private struct Part: Sendable {
    var model: ModelName
    var measurements: Measurements
    var result: Result<AnswerCollector, any Error>
  }

  /// A whole answer.
  struct Whole: Sendable {
    var completion: ChatCompletion
    /// Whose choice stands in each place.
    var authors: [ModelName]
    /// Whether each place is the drafted model's, so that preferences may be read.
    var isAsDrafted: Bool
  }

  /// Asks, and records what each model did.
  ///
  /// - Throws: what the incumbent's answer failed with, or what ended the waiting
  func answer(_ patience: Patience) async throws -> Whole {
    let draft = destination.draft
    let models = draft.reduce(into: [ModelName]()) { models, model in
      if !models.contains(model) { models.append(model) }
    }
    let rows = Rows(models, self)
    do {
      let parts = try await patience.run {
        await withTaskGroup(of: Part.self) { group in
          for model in models {
            let count = draft.count { $0 == model }
            group.addTask { await ask(model, for: count) }
          }
          return await group.reduce(into: [Part]()) { $0.append($1) }
        }
      }
      for part in parts { rows.close(part.model, part.measurements) }
      return try await whole(parts, patience)
    } catch {
      let failure = error is ShutdownReached ? FailureClass.overloaded : FailureClass(error)
      rows.closeRest(failure)
      throw error
    }
  }

  private func ask(_ model: ModelName, for count: Int) async -> Part {
    let asked = ContinuousClock.now
    func elapsed() -> Double { asked.duration(to: .now).seconds }
    do {
      guard let backend = gateway.backends.backend(for: model) else {
        throw BackendError(
          .unavailable, APIError.unavailable("Model '\(model)' is not ready yet."))
      }
      var copy = request
      copy.sampling.n = count == 1 ? nil : count
      let answer = try await backend.answer(
        Call(.chat(copy), requestID: requestID, priority: .live, deadline: deadline))
      var collector = AnswerCollector(id: "", created: 0, model: "")
      for try await event in answer.events { try collector.take(event) }
      try collector.checkIsWhole()
      guard collector.completion.choices.count >= count else {
        throw BackendError(
          .malformed, .badGateway("The answer has too few choices.", code: "malformed"))
      }
      return Part(
        model: model, measurements: Measurements(collector, elapsed: elapsed()),
        result: .success(collector))
    } catch {
      return Part(
        model: model,
        measurements: Measurements(totalSeconds: elapsed(), failure: FailureClass(error)),
        result: .failure(error))
    }
  }

  /// Puts the parts together, with the incumbent's choices where another's are missing.
  private func whole(_ parts: [Part], _ patience: Patience) async throws -> Whole {
    let incumbent = destination.model
    var choices: [ModelName: [ChatCompletion.Choice]] = [:]
    var usages: [Usage?] = []
    for part in parts {
      switch part.result {
      case .success(let collector):
        choices[part.model] = collector.completion.choices.sorted { $0.index < $1.index }
        usages.append(collector.completion.usage)
      case .failure(let error) where part.model == incumbent: throw error
      case .failure: break
      }
    }
    let missing = destination.draft.count { choices[$0] == nil }
    if missing > 0 {
      let filling = try await patience.run { await ask(incumbent, for: missing) }
      let collector = try filling.result.get()
      choices[incumbent, default: []] += collector.completion.choices.sorted {
        $0.index < $1.index
      }
      usages.append(collector.completion.usage)
    }
    let authors = destination.draft.map { choices[$0] == nil ? incumbent : $0 }
    var whole = ChatCompletion(
      id: "", created: 0, model: "", choices: [], usage: Self.sum(usages))
    var next: [ModelName: Int] = [:]
    for (place, author) in authors.enumerated() {
      let number = next[author, default: 0]
      next[author] = number + 1
      guard let own = choices[author], own.indices.contains(number) else {
        throw APIError.badGateway("The answer has too few choices.", code: "malformed")
      }
      var choice = own[number]
      choice.index = place
      whole.choices.append(choice)
    }
    return Whole(completion: whole, authors: authors, isAsDrafted: missing == 0)
  }

  /// The prompt as it was read once, which models with other vocabularies count otherwise: the most
  /// of it; the tokens of all answers. `nil` when one of them did not count.
  private static func sum(_ usages: [Usage?]) -> Usage? {
    let known = usages.compactMap(\.self)
    guard !known.isEmpty, known.count == usages.count else { return nil }
    return Usage(
      promptTokens: known.map(\.promptTokens).max() ?? 0,
      completionTokens: known.reduce(0) { $0 + $1.completionTokens })
  }
}

extension InterleavedAnswer {
  /// One row for each model that was asked, promised when the request was assigned and closed once.
  private final class Rows: Sendable {
    private let answer: InterleavedAnswer
    private let numbers: Mutex<[ModelName: UInt64?]>

    init(_ models: [ModelName], _ answer: InterleavedAnswer) {
      self.answer = answer
      let route = answer.destination.assignment?.route
      let numbers = models.map { model in
        (model, route.flatMap { answer.gateway.recorder.openOutcome(on: $0) })
      }
      self.numbers = Mutex(Dictionary(numbers, uniquingKeysWith: { first, _ in first }))
    }

    deinit { closeRest(.cancelled) }

    func close(_ model: ModelName, _ measurements: Measurements) {
      guard let number = numbers.withLock({ $0.removeValue(forKey: model) }) else { return }
      answer.gateway.metrics.answered(
        model, measurements,
        overheadSeconds: max(
          0, answer.received.duration(to: .now).seconds - measurements.totalSeconds))
      guard let number, let assignment = answer.destination.assignment else { return }
      let places = answer.destination.draft.indices.filter {
        answer.destination.draft[$0] == model
      }
      answer.gateway.recorder.closeOutcome(
        number,
        with: Outcome(
          requestID: answer.requestID, assignment: assignment, model: model,
          measurements: measurements, choices: Array(places)))
    }

    func closeRest(_ failure: FailureClass) {
      let left = numbers.withLock { Array($0.keys) }
      let elapsed = answer.received.duration(to: .now).seconds
      for model in left {
        close(model, Measurements(totalSeconds: elapsed, failure: failure))
      }
    }
  }
}
