import Backends
import Experimentation
import OpenAIAPI

/// One model's part of a stream that several write: from its own events to pieces for the client.
///
/// Pieces look alike whoever wrote them, as far as that is possible: each is of one choice, under
/// its place in the whole; why a choice ended comes apart from its text; roles and pieces that say
/// nothing are left out, since the stream's writer begins every choice itself.
struct StreamedPart: Sendable {
  let model: ModelName
  /// Where its choices stand, in their own order.
  let places: [Int]
  /// Whether these are places of another model, which failed before it said anything.
  let isFilling: Bool
  /// Of its own choices, by their own numbers; bounded as every answer is.
  private(set) var collector: AnswerCollector
  /// Places whose end is out.
  private(set) var ended: Set<Int> = []

  init(_ model: ModelName, places: [Int], isFilling: Bool = false) {
    self.model = model
    self.places = places
    self.isFilling = isFilling
    collector = AnswerCollector(id: "", created: 0, model: "")
  }

  /// Whether the model has said that it is done.
  var isWhole: Bool { collector.summary != nil }

  /// Takes an event in, and says what of it is for the client.
  ///
  /// What a model says of choices that it was not asked for, or of one that has ended, is left out.
  ///
  /// - Throws: `malformed` for more than an answer may hold, and for an end that comes before each
  ///   choice has begun.
  mutating func take(
    _ event: AnswerEvent
  ) throws(BackendError) -> [ChatCompletionChunk.Choice] {
    try collector.take(event)
    switch event {
    case .finished:
      guard collector.completion.choices.count >= places.count else {
        throw BackendError(
          .malformed, .badGateway("The answer has too few choices.", code: "malformed"))
      }
      return []
    case .choice(let choice):
      guard places.indices.contains(choice.index) else { return [] }
      return pieces(of: choice, at: places[choice.index])
    }
  }

  private mutating func pieces(
    of choice: ChatCompletionChunk.Choice, at place: Int
  ) -> [ChatCompletionChunk.Choice] {
    guard !ended.contains(place) else { return [] }
    var piece = choice
    piece.index = place
    piece.delta.role = nil
    piece.finishReason = nil
    if piece.delta.content?.isEmpty == true { piece.delta.content = nil }
    let saysSomething = piece.delta != .init() || piece.logprobs != nil
    var pieces = saysSomething ? [piece] : []
    if let reason = choice.finishReason { pieces.append(end(place, reason)) }
    return pieces
  }

  /// The ends of all choices that have none, for a model that broke on the way.
  mutating func breakOff() -> [ChatCompletionChunk.Choice] {
    places.filter { !ended.contains($0) }.map { end($0, Self.brokenOff) }
  }

  private mutating func end(
    _ place: Int, _ reason: FinishReason
  ) -> ChatCompletionChunk.Choice {
    ended.insert(place)
    return ChatCompletionChunk.Choice(index: place, delta: .init(), finishReason: reason)
  }

  /// Why a choice ended whose model broke. None of OpenAI's reasons says so: `length` would be
  /// taken for the client's own limit, and an error event would end the choices of others.
  static let brokenOff = FinishReason(rawValue: "error")
}
