import Backends
import Experimentation
import OpenAIAPI

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
  let rows: DraftRows

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
    do {
      let parts = try await patience.run {
        await withTaskGroup(of: Part.self) { group in
          for model in destination.draftedModels {
            let count = destination.places(of: model).count
            group.addTask { await ask(model, for: count) }
          }
          var parts: [Part] = []
          for await part in group {
            parts.append(part)
            // Who was called off is told apart below, by why.
            if part.measurements.failure != .cancelled {
              rows.close(part.model, part.measurements)
            }
          }
          return parts
        }
      }
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
  static func sum(_ usages: [Usage?]) -> Usage? {
    let known = usages.compactMap(\.self)
    guard !known.isEmpty, known.count == usages.count else { return nil }
    return Usage(
      promptTokens: known.map(\.promptTokens).max() ?? 0,
      completionTokens: known.reduce(0) { $0 + $1.completionTokens })
  }
}
