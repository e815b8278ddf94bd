import Backends
import OpenAIAPI

/// What a client asks, whichever endpoint it came in by.
struct Question: Sendable {
  enum Endpoint: Sendable { case chat, text }

  let prompt: Call.Prompt
  /// Of the body it was read from.
  let byteCount: Int

  /// Reads a body.
  init(_ endpoint: Endpoint, body: [UInt8], limits: RequestLimits) throws(APIError) {
    byteCount = body.count
    switch endpoint {
    case .chat: prompt = .chat(try ChatCompletionRequest(decoding: body, limits: limits))
    case .text: prompt = .text(try CompletionRequest(decoding: body, limits: limits))
    }
  }

  /// The route or model asked for.
  var model: String {
    switch prompt {
    case .chat(let request): request.model
    case .text(let request): request.model
    }
  }

  var user: String? {
    switch prompt {
    case .chat(let request): request.user ?? request.safetyIdentifier
    case .text(let request): request.user
    }
  }

  /// The members of `metadata` that are texts; a bounded few, since the parser bounds them.
  var labels: [String: String] {
    guard case .chat(let request) = prompt, let metadata = request.metadata else { return [:] }
    return metadata.members.reduce(into: [:]) { labels, member in
      if case .string(let text) = member.value { labels[member.key] = text }
    }
  }

  /// About how many tokens the prompt has, before any model has counted: four bytes of text for
  /// one, the same whichever model will answer. It only tells long prompts from short ones.
  var estimatedPromptTokens: Int? {
    switch prompt {
    case .chat(let request):
      request.messages.reduce(0) { $0 + $1.textByteCount } / Self.bytesPerToken
    case .text(let request):
      switch request.prompt {
      case .text(let text): text.utf8.count / Self.bytesPerToken
      case .texts(let texts): texts.reduce(0) { $0 + $1.utf8.count } / Self.bytesPerToken
      case .tokens(let tokens): tokens.count
      case .tokenLists(let lists): lists.reduce(0) { $0 + $1.count }
      }
    }
  }

  private static let bytesPerToken = 4

  var streaming: Streaming {
    switch prompt {
    case .chat(let request): request.streaming
    case .text(let request): request.streaming
    }
  }

  /// How many choices the answer shall have, where they may come from several models: 1 for text
  /// completions.
  var draftableChoices: Int {
    guard case .chat(let request) = prompt else { return 1 }
    return request.sampling.n ?? 1
  }

  /// The same question as it may be put to a shadow, or `nil` when it would not be the same any
  /// more: one that offers tools to a model that takes none, or whose parts would have to be
  /// fetched. One choice is enough to compare, and it is streamed, so that the first token can be
  /// timed.
  func forShadow(takesTools: Bool) -> Call.Prompt? {
    switch prompt {
    case .chat(let request):
      guard takesTools || !request.offersTools, request.sampling.n ?? 1 == 1,
        var copy = request.sanitisedForShadow()
      else { return nil }
      copy.sampling.n = nil
      copy.streaming = Streaming(isOn: true, includesUsage: true)
      return .chat(copy)
    case .text(let request):
      // Without a token to draw there is nothing to compare.
      guard request.maxTokens != 0, request.prompt.count == 1, request.sampling.n ?? 1 == 1,
        request.bestOf ?? 1 == 1
      else {
        return nil
      }
      var copy = request.sanitisedForShadow()
      copy.sampling.n = nil
      copy.bestOf = nil
      copy.streaming = Streaming(isOn: true, includesUsage: true)
      return .text(copy)
    }
  }
}

extension ChatMessage {
  /// Bytes of what is said in text; what only some upstreams understand has none.
  fileprivate var textByteCount: Int {
    switch content {
    case .text(let text): text.utf8.count
    case .parts(let parts):
      parts.reduce(0) { sum, part in
        if case .text(let text) = part { sum + text.utf8.count } else { sum }
      }
    case nil: 0
    }
  }
}
